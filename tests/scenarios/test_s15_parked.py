"""S-15: a version that fails, and the good one does not come up either."""

import pytest

from tests.scenarios.scenario import running_script, service

pytestmark = pytest.mark.engine

PROGRAM = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.1; done\n"


@pytest.fixture
def program(tmp_path):
    """A program on the host that the good version runs."""
    directory = tmp_path / "host"
    directory.mkdir()
    program = directory / "program"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return program


def test_s15_a_rollback_whose_target_fails_as_well_is_parked(scenario, program):
    """Both facts are said and what to do about them, nothing flaps, and once the host is mended the good one is back
    by itself.
    """
    with scenario.step("a good container runs that needs something of its host, beside another") as node:
        node.start()
        good_one = service(command=["/host/program"], volumes=[f"{program.parent}:/host"])
        node.write("app", {"web": good_one, "db": service()})
        node.proves()
        good = node.ids()
    with scenario.step("the host loses that, and a new version comes that fails"):
        program.rename(program.with_name("away"))
        bad_one = running_script("echo why >&2; exit 3", restart="no")
        node.write("app", {"web": bad_one, "db": service()})
        node.becomes("parked", "web")
    with scenario.step("it says what failed, that the good one fails as well, and what to do"):
        row = node.row("web")
        for said in ("exited with code 3", "good revision does not come up", "mend"):
            assert said in row["reason"]
        node.eventually(lambda: node.row("web")["next_attempt"])
        assert node.get("/v1/configs/app")["failed"]
    with scenario.step("the good container is kept, and what is known of the one that failed"):
        assert node.id("web") == good["web"]
        assert node.detail("web")["rejected"][0]["logs"] == ["why"]
    with scenario.step("only the good one is tried, later and later, and the neighbour notices nothing"):
        made = node.actions("web").count("create")
        tried = node.detail("web")["attempts_failed"]
        node.eventually(lambda: node.detail("web")["attempts_failed"] >= tried + 2)
        node.becomes("parked", "web")
        assert node.actions("web").count("create") == made == 2
        assert node.ids() == good
        assert node.state("db") == "running"
    with scenario.step("the host is mended, and the good one is back"):
        program.with_name("away").rename(program)
        node.becomes("rolled-back", "web")
        node.eventually(lambda: node.running("web") and node.ids() == good)
    with scenario.step("a version that is mended is taken"):
        node.write("app", {"web": service(), "db": service()})
        node.proves()
    scenario.holds()
