import io
import json
import logging
import re
from pathlib import Path

import pytest
import structlog

from paunchd.log import setup_logging
from paunchd.redact import MARK, redact
from paunchd.settings import LogSettings

SECRET = "hunter2-planted"


@pytest.fixture
def written():
    """Give logging a stream to write to; what was set up before comes back after the test."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = before
    logging.captureWarnings(capture=False)


class Spec:
    def __repr__(self):
        return f"Spec(environment={SECRET})"


def test_json_line(written):
    """An event is one JSON object with level, UTC time, event and its fields."""
    setup_logging(LogSettings(), written)
    structlog.get_logger().info("lane_started", name="web", path=Path("/x"), names={"b", "a"})
    line = json.loads(written.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("at"))
    assert line == {
        "event": "lane_started",
        "level": "info",
        "name": "web",
        "path": "/x",
        "names": ["a", "b"],
    }


@pytest.mark.parametrize("form", ["json", "console"])
def test_planted_secrets_stay_inside(written, form):
    """Environment, commands, definitions and objects that hold them never reach the log in either format."""
    setup_logging(LogSettings(format=form), written)
    log = structlog.get_logger()
    log.info("planted", environment={"A": SECRET}, command=SECRET, nested=[{"Env": [SECRET]}], spec=Spec())
    log.info("planted_object", thing=Spec(), things=[Spec()], by_name={"web": Spec()})
    logging.getLogger("library").warning("an event of a library", extra={"environment": SECRET})
    spec = Spec()
    try:
        raise RuntimeError("told")
    except RuntimeError:
        log.exception("pass_failed")
    assert spec
    assert SECRET not in written.getvalue()
    assert MARK in written.getvalue()
    assert "told" in written.getvalue()
    assert "<Spec>" in written.getvalue()


def test_level(written):
    """What is below the level is not written."""
    setup_logging(LogSettings(level="warning"), written)
    structlog.get_logger().info("unheard")
    assert written.getvalue() == ""


def test_libraries_from_warning_up(written):
    """A library is heard at warning, in our format, and not at info."""
    setup_logging(LogSettings(level="debug"), written)
    logging.getLogger("docker").info("chatter")
    logging.getLogger("docker").warning("trouble")
    line = json.loads(written.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("trouble", "warning", "docker")


def test_set_up_again(written):
    """A reload changes level and format, and no line is written twice."""
    setup_logging(LogSettings(), written)
    setup_logging(LogSettings(format="console", level="debug"), written)
    structlog.get_logger().debug("heard")
    logging.getLogger("docker").warning("trouble")
    assert written.getvalue().count("trouble") == 1
    assert "heard" in written.getvalue()
    assert not written.getvalue().startswith("{")


def test_redact_keeps_plain_data():
    """Redaction leaves plain data as it is, and an absent command absent."""
    assert redact({"name": "web", "n": 1, "command": None, "error": ValueError("why")}) == {
        "name": "web",
        "n": 1,
        "command": None,
        "error": "why",
    }
