import asyncio
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest
import structlog
from prometheus_client import CollectorRegistry

from paunchd import cli, cli_tables
from paunchd.api.board import Board
from paunchd.api.serve import serve
from paunchd.api.sources import Sources
from paunchd.cli_follow import _stream, tame
from paunchd.cli_follow import events as follow
from paunchd.cli_wait import Wish, judge
from paunchd.client import Client
from paunchd.engine.protocol import LogWish
from paunchd.metrics import Metrics
from paunchd.settings import ApiSettings
from paunchd.wording import short
from tests import snapshots
from tests.api.serving import Kept, Logs, Operator
from tests.snapshots import SECRET

GOOD = "web:\n  image: registry/app:1\n  command: run\n  environment: {A: '1'}\n"
BAD = "web:\n  image: registry/app:1\n  prigileged: true\n"


class Agreeable(Operator):
    """Can do everything that is asked, of everybody but nobody."""

    def _know(self, name):
        if name == "nobody":
            raise KeyError(name)

    async def rollback(self, name, *, uid):
        self.asked.append(f"rollback {name}")

    async def confirm_removals(self, *, uid):
        self.asked.append("confirm-removals")


class Daemon(threading.Thread):
    """An API that serves one hand-made snapshot from a thread of its own."""

    def __init__(self, directory):
        super().__init__()
        self.operator = Agreeable()
        self.logs = Logs()
        self.path = directory / "api.sock"
        self.up = threading.Event()
        self.board = Board()

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        rows = [{"at": snapshots.EPOCH, "event": "rejected", "hash": "v1:0123", "detail": "unhealthy"}]
        kept = Kept(events={"back": rows})
        sources = Sources(self.board, self.operator, Metrics(CollectorRegistry()), kept, self.logs)
        settings = ApiSettings(socket=self.path, socket_group=str(os.getgid()), listen=())
        with suppress(asyncio.CancelledError):
            await serve(sources, settings, self.up.set)

    def publish(self, snapshot):
        self._loop.call_soon_threadsafe(self.board.publish, snapshot)

    def stop(self):
        self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """Let no variable and no file of this machine take part; the desired directory is empty."""
    for variable in [name for name in os.environ if name.startswith("PAUNCHD_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr("paunchd.settings.DEFAULT_PATH", tmp_path / "absent.yaml")
    monkeypatch.setenv("PAUNCHD_DESIRED_DIR", str(tmp_path / "absent"))


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the daemon's log is not our output
    running = Daemon(tmp_path)
    running.start()
    assert running.up.wait(5)
    monkeypatch.setenv("PAUNCHD_SOCKET", str(running.path))
    running.publish(snapshots.troubled())
    yield running
    running.stop()
    structlog.reset_defaults()


@pytest.fixture
def ctl(capsys):
    """Run paunchctl; give back its exit code and what it wrote."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        written = capsys.readouterr()
        return ended.value.code, written.out, written.err

    return run


def test_status(daemon, ctl):
    """The status says what is wrong and what to do, then shows everything, and ends with 1."""
    code, out, _ = ctl("status")
    assert code == 1
    lines = out.splitlines()
    assert lines[0].startswith("paunchd 0.1.0: 1 failed, 1 rolled-back")
    assert "rolled-back back: unhealthy (last error: unhealthy for 300 s)" in out
    assert "`paunchctl retry back`" in out
    assert "removals held: leftover" in out
    assert lines.index(next(line for line in lines if line.startswith("NAME"))) > 5
    assert any(line.split()[:2] == ["fine", "running"] for line in lines)


def test_status_of_a_healthy_node(daemon, ctl):
    """A node without trouble is shown so, with exit code 0."""
    daemon.publish(snapshots.settled())
    code, out, _ = ctl("status")
    assert (code, out.splitlines()[0]) == (0, "paunchd 0.1.0: 1 name, settled")


def test_status_while_the_engine_is_away(daemon, ctl):
    """An engine that is away is a bad answer, whatever was seen last."""
    daemon.publish(replace(snapshots.settled(), engine="connection refused"))
    code, out, _ = ctl("status")
    assert code == 1
    assert "engine away: connection refused" in out


def test_json(daemon, ctl):
    """For programs the answer is the daemon's own."""
    code, out, _ = ctl("--output", "json", "status")
    assert code == 1
    assert json.loads(out)["states"]["running"] == 1
    assert json.loads(ctl("-o", "json", "show", "fine")[1])["name"] == "fine"
    assert json.loads(ctl("-o", "json", "hold", "fine")[1]) == {"accepted": "hold", "name": "fine"}


def test_show(daemon, ctl):
    """One name is shown with its revisions and its lane; a failed one ends with 1."""
    code, out, _ = ctl("show", "back")
    assert code == 1
    assert "revision=v1:new  cause=unhealthy" in out
    code, out, _ = ctl("show", "moving")
    assert code == 0
    assert "  promote moving.next to moving" in out
    assert SECRET not in out
    assert ctl("show", "nobody")[::2] == (1, "paunchctl: no container `nobody` is known\n")


def test_plan(daemon, ctl):
    """The plan is shown in its own words."""
    daemon.publish(snapshots.planned())
    code, out, _ = ctl("plan")
    assert code == 0
    assert out.startswith("moving: config-changed (image, environment)\n  pull registry/app:2")
    assert "blocked later: by again" in out


def test_history(daemon, ctl):
    """The history of a name is a table of what happened."""
    code, out, _ = ctl("history", "back")
    assert code == 0
    assert "2026-11-22T12:00:00Z  rejected" in out
    assert "v1:0123" in out


def test_history_tells_what_became_of_each_revision(daemon, ctl):
    """A rejected one with its cause, before the story."""
    out = ctl("history", "back")[1]
    head, _, rest = out.partition("\n\n")
    assert head.splitlines()[0].split() == ["REVISION", "VERDICT", "SINCE", "IMAGE", "BY", "WHY"]
    assert "v1:0123" in head
    assert rest.splitlines()[0].split()[:3] == ["AT", "EVENT", "OUTCOME"]


def test_revisions_that_differ_in_their_config_files_are_told_apart(capsys):
    """What is declared is the same, and the files that it reads are not."""
    a, b = (f"v1:{'a1fc10bf1f4e' * 5}+{digest * 32}" for digest in ("0a", "0b"))
    assert (short(a), short(b)) == ("v1:a1fc10bf1f4e+0a0a0a", "v1:a1fc10bf1f4e+0b0b0b")
    rows = [{**dict.fromkeys(("outcome", "image", "detail", "event", "at"), ""), "hash": one} for one in (a, b)]
    cli_tables.show(
        cli_tables.history_page({"history": [{**row, "seconds": None, "times": 1, "uid": None} for row in rows]})
    )
    told = capsys.readouterr().out
    assert "v1:a1fc10bf1f4e+0a0a0a" in told
    assert "v1:a1fc10bf1f4e+0b0b0b" in told


def test_history_of_the_node(daemon, ctl):
    """Without a name everybody's, with whose it was."""
    out = ctl("history")[1]
    assert out.splitlines()[0].split()[:3] == ["AT", "NAME", "EVENT"]
    assert "back  rejected" in out


def test_logs(daemon, ctl):
    """What was printed is printed, as it is, with what was asked for passed on."""
    daemon.logs.pieces = {"id-of-fine": [b"one\n", "zwei ä\n".encode()]}
    assert ctl("logs", "fine") == (0, "one\nzwei ä\n", "")
    assert ctl("logs", "fine", "-n", "all", "-t") == (0, "one\nzwei ä\n", "")
    assert [wish for _, wish in daemon.logs.asked] == [LogWish(200), LogWish(None, timestamps=True)]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("logs", "nobody"), 1, "no container `nobody` is known"),
        (("logs", "fine", "--tail", "x"), 1, "`tail` must be"),
        (("logs", "fine", "--container", "old"), 2, "old"),
    ],
)
def test_logs_that_cannot_be_had(daemon, ctl, arguments, code, told):
    """The daemon's refusal is told, and a word that is none is wrong use."""
    ended, _, err = ctl(*arguments)
    assert ended == code
    assert told in err


def test_a_log_cannot_play_with_the_terminal():
    """Colours stay; what would move the cursor, set a title or ring is left out."""
    assert tame("\x1b[31mred\x1b[0m\t\n") == "\x1b[31mred\x1b[0m\t\n"
    assert tame("a\x1b]0;title\x07b\x1b[2Jc\r") == "a ]0;title b [2Jc "


def test_events_go_on_after_a_cut(daemon):
    """What happened while the connection was down comes when it is back, and nothing twice."""
    told = follow(Client(daemon.path), ["fine"])
    assert next(told)["kind"] == "reset"
    for state in (snapshots.State.FAILED, snapshots.State.PARKED):
        daemon.publish(snapshots.snapshot(snapshots.Status("fine", state)))
        event = next(told)
        assert (event["name"], event["state"]) == ("fine", state.value)
        last = event["id"]
    told.close()
    daemon.publish(snapshots.snapshot(snapshots.Status("fine", snapshots.State.RUNNING)))
    (event, *_) = islice(_stream(Client(daemon.path), ["fine"], last), 1)
    assert event["state"] == "running"


def test_events_of_nobody(ctl, tmp_path):
    """Without a daemon there is nothing to follow."""
    assert ctl("--socket", str(tmp_path / "none"), "events")[0] == 3


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"kind": "state", "name": "web", "state": "parked", "reason": "why"}, "web  parked: why"),
        ({"kind": "lane-began", "name": "web", "reason": "gone", "steps": ["a", "b"]}, "web  lane began: gone  a; b"),
        ({"kind": "rejected", "name": "web", "revision": "v1:a", "cause": "oom"}, "web  rejected: v1:a  oom"),
        (
            {"kind": "node", "engine": "ok", "source": "ok", "generation": 7, "settled": True},
            "node  engine ok, source ok, generation 7, settled",
        ),
    ],
)
def test_an_event_is_a_line(event, line):
    """When, who and what, for people who watch."""
    shown = str(cli_tables.event_line({"id": "x-1", "at": "2026-11-22T12:00:00+00:00", **event}))
    assert shown.split("  ", 1)[1] == line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(ctl, shell):
    """Each shell gets a script that asks the client itself."""
    code, out, _ = ctl("completion", shell)
    assert code == 0
    assert "_PAUNCHCTL_COMPLETE" in out


def test_names_are_completed(daemon, monkeypatch, capsys):
    """Where the daemon answers, its names are offered; where not, nothing is said."""
    monkeypatch.setenv("_PAUNCHCTL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "paunchctl show ag")
    monkeypatch.setenv("COMP_CWORD", "2")
    for socket, offered in ((str(daemon.path), "plain,again"), ("/nonexistent", "")):
        monkeypatch.setenv("PAUNCHD_SOCKET", socket)
        with pytest.raises(SystemExit):
            cli.main([])
        assert capsys.readouterr().out.strip() == offered


def test_operator_commands(daemon, ctl):
    """What an operator asks for reaches the daemon."""
    for command in ("retry", "rollback", "restart", "hold", "release"):
        assert ctl(command, "web")[0] == 0
    assert ctl("reconcile")[0] == 0
    assert ctl("confirm-removals") == (0, "removals confirmed: leftover\n", "")
    named = ["retry web", "rollback web", "restart web", "hold web", "release web"]
    assert daemon.operator.asked == [*named, "reconcile", "confirm-removals"]
    assert ctl("retry", "nobody")[0] == 1


def test_wait(daemon, ctl):
    """A wait ends with 0 when all is settled, and with 1 when something has failed or time is over."""
    code, _, err = ctl("wait", "--timeout", "5")
    assert code == 1
    assert "back: rolled-back: unhealthy" in err
    assert ctl("wait", "--config-id", "odd")[:2] == (0, "settled\n")
    daemon.publish(replace(snapshots.settled(), observed_generation=6))
    code, _, err = ctl("wait", "--config-id", "web", "--timeout", "0.1")
    assert (code, err) == (1, "paunchctl: timed out\n")
    daemon.publish(snapshots.settled())
    assert ctl("wait")[0] == 0


def test_wait_in_json(daemon, ctl):
    """For programs a wait says how it ended and why."""
    code, out, _ = ctl("-o", "json", "wait")
    assert (code, json.loads(out)["waited"]) == (1, "failed")


def test_wait_for_what_was_just_written(daemon, ctl, tmp_path, monkeypatch):
    """A file the daemon has not read yet is waited for, though all it has read is settled."""
    desired = tmp_path / "desired"
    desired.mkdir()
    (desired / "web.yaml").write_text(GOOD)
    monkeypatch.setenv("PAUNCHD_DESIRED_DIR", str(desired))
    daemon.publish(snapshots.settled())
    assert ctl("wait", "--timeout", "0.1")[0] == 1
    assert ctl("wait", "--timeout", "0.1", "--config-id", "web")[0] == 1


def test_wait_for_nothing(daemon, ctl):
    """A config that is declared nowhere is not waited for."""
    code, _, err = ctl("wait", "--config-id", "typo")
    assert code == 1
    assert "no config `typo` is declared" in err


@pytest.mark.parametrize(
    ("digests", "verdict"),
    [
        (None, "settled"),
        ({"web": "d1"}, "settled"),
        ({"web": "d2"}, ""),
        ({}, ""),
        ({"web": "d1", "new": "x"}, ""),
    ],
)
def test_a_verdict_needs_the_same_content(digests, verdict):
    """Only when the daemon has read exactly what the directory holds does its word count."""
    config = {"config_id": "web", "digest": "d1", "names": [], "broken": None, "settled": True}
    listed = {"containers": [], "settled": True}
    assert judge(listed, {"configs": [config]}, Wish("", digests)).verdict == verdict


def test_no_daemon(ctl, tmp_path):
    """Without a daemon the exit code is 3, and the message says which socket and what to try."""
    code, _, err = ctl("--socket", str(tmp_path / "gone"), "status")
    assert code == 3
    assert err.startswith(f"paunchctl: cannot ask the daemon at {tmp_path}/gone: there is no such socket; try")


def test_not_http(ctl, tmp_path):
    """A socket file nobody listens on is no daemon either."""
    (tmp_path / "file").write_text("")
    assert ctl("--socket", str(tmp_path / "file"), "status")[0] == 3


def test_socket_from_settings(daemon, ctl, tmp_path, monkeypatch):
    """Without option and variable the settings file names the socket."""
    monkeypatch.delenv("PAUNCHD_SOCKET")
    (tmp_path / "paunchd.yaml").write_text(f"api: {{socket: {daemon.path}}}")
    assert ctl("--config", str(tmp_path / "paunchd.yaml"), "plan")[0] == 0


@pytest.mark.parametrize("arguments", [["frob"], ["show"], ["--output", "xml", "plan"], ["wait", "--timeout", "-1"]])
def test_used_wrongly(ctl, arguments):
    """Wrong use ends with 2."""
    assert ctl(*arguments)[0] == 2


def test_wrong_settings(ctl, tmp_path):
    """Wrong settings end with 2, and are named."""
    (tmp_path / "bad.yaml").write_text("api: {sokcet: /x}")
    code, _, err = ctl("--config", str(tmp_path / "bad.yaml"), "plan")
    assert code == 2
    assert "did you mean `api.socket`" in err


@pytest.fixture
def files(tmp_path):
    directory = tmp_path / "files"
    directory.mkdir()
    (directory / "good.yaml").write_text(GOOD)
    return directory


def test_check_good(ctl, files):
    """A good file is said to be fine, without any daemon."""
    code, out, err = ctl("check", str(files / "good.yaml"))
    assert (code, err) == (0, "")
    assert out.endswith("good.yaml is fine: 1 config, 1 name\n")


def test_check_bad(ctl, files):
    """A bad file ends with 1, and the message has file, line, column, key and the closest known key."""
    (files / "bad.yaml").write_text(BAD)
    code, out, err = ctl("check", str(files))
    assert (code, out) == (1, "")
    assert "bad.yaml:3:" in err
    assert "prigileged" in err
    assert "privileged" in err


def test_check_in_json(ctl, files):
    """For programs the judgement is data."""
    (files / "bad.yaml").write_text(BAD)
    code, out, _ = ctl("-o", "json", "check", str(files))
    judgement = json.loads(out)
    assert (code, judgement["ok"]) == (1, False)
    assert judgement["configs"][0]["faults"][0]["line"] == 3


def test_check_of_a_directory_names_who_would_wait_for_ever(ctl, files):
    """Of a single file nobody knows what else there is; of a directory a dependency on nobody is told."""
    (files / "good.yaml").write_text(GOOD + "  depends_on: {dbb: healthy}\n")
    code, _, err = ctl("check", str(files))
    assert code == 0
    assert err == "warning: web depends on dbb, which nothing here declares\n"
    assert ctl("check", str(files / "good.yaml"))[2] == ""


def test_check_nothing(ctl, files):
    """A path that is not there is wrong use."""
    assert ctl("check", str(files / "gone.yaml"))[0] == 2


@pytest.mark.parametrize("option", ["file", "dir", "settings"])
def test_render(ctl, files, monkeypatch, option):
    """The docker command line of a name is made from a file, a directory, or the desired directory."""
    monkeypatch.setenv("PAUNCHD_DESIRED_DIR", str(files))
    where = {"file": ["--file", str(files / "good.yaml")], "dir": ["--dir", str(files)], "settings": []}
    code, out, _ = ctl("render", "web", *where[option])
    assert code == 0
    assert out.startswith("docker run --name web")
    assert out.endswith("registry/app:1 run\n")


def test_render_in_json(ctl, files):
    """For programs the command line is a list of its arguments."""
    assert json.loads(ctl("-o", "json", "render", "web", "--dir", str(files))[1])[0] == "docker"


def test_a_file_is_one_definition_to_render_where_it_is_to_check(ctl, tmp_path, monkeypatch):
    """The place or the content says whether a file is one definition, and both commands hear it alike."""
    inside = tmp_path / "step_4"
    inside.mkdir()
    for path in (tmp_path / "web.json", inside / "web.json"):
        path.write_text('{"image": "x"}')
    monkeypatch.chdir(inside)
    for option, path in (("--file", str(tmp_path / "web.json")), ("--file", "web.json"), ("--dir", ".")):
        assert ctl("check", path)[0] == 0
        assert ctl("render", "web", option, path)[1].endswith(" x\n")


def test_render_unknown(ctl, files):
    """A name nobody declares cannot be rendered, and broken files are told, because it may be in one."""
    (files / "bad.yaml").write_text(BAD.replace("web", "other"))
    code, _, err = ctl("render", "other", "--dir", str(files))
    assert code == 1
    assert "no container `other` is declared" in err
    assert "bad.yaml:3:" in err


def test_age():
    """An age is said in one unit."""
    now = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
    moments = [
        "2026-11-22T11:59:30Z",
        "2026-11-22T11:00:01Z",
        "2026-11-22T02:00:00Z",
        "2026-11-01T12:00:00Z",
        None,
    ]
    assert [cli_tables.ago(moment, now) for moment in moments] == ["30s", "59m", "10h", "21d", ""]


def test_terminal_is_safe():
    """Control characters in the engine's words do not reach the terminal."""
    assert cli_tables.clean("\x1b[2Jgone\x07 \x9b1m") == " [2Jgone   1m"


def test_starts_fast():
    """Help needs neither the engine's library nor a web framework nor the settings."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, paunchd.cli; print(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"aiohttp", "docker", "pydantic", "rich", "structlog", "asyncio"} & set(loaded)
