"""From Heat to a running container and back, with the agents that real clouds run and the real daemon."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.functional.conftest import engine_side, make_node, node, started
from tests.functional.node import running_script, service, task
from tests.heat.cloud import Agents, listening

__all__ = ["engine_side", "make_node", "node", "started"]

pytestmark = pytest.mark.engine

FAILING = "echo cannot connect to database; exit 3"


@pytest.fixture(scope="module", autouse=True)
def _host_log():
    """Leave no log where there was none: os-apply-config writes one at a fixed place when root runs it."""
    log = Path("/var/log/os-apply-config.log")
    there = log.exists()
    yield
    if not there:
        log.unlink(missing_ok=True)


@pytest.fixture
def heat():
    with listening() as heat:
        yield heat


@pytest.fixture
def agents(tmp_path, node):
    directory = tmp_path / "agents"
    directory.mkdir()
    return Agents(directory, node)


def named(node, **definitions):
    """Definitions under the names that they have on this test's engine."""
    return {node.full(name): definition for name, definition in definitions.items()}


def is_proven(node, *names):
    """Wait until nothing but *names* is there, each proven."""
    node.eventually(lambda: node.states() == dict.fromkeys(names, "running") and node.ps().keys() == {*names})


def test_a_deployment_is_created_updated_and_left_alone_between(heat, agents, started):
    """Heat hears of each change once, also where it is away for a moment (T-103); polling again touches nothing."""
    created = heat.deployment(named(started, web=service()), "one", step=4, timeout_seconds=60)
    agents.poll(created)
    assert heat.told("one")["deploy_status_code"] == 0
    assert f"{started.full('web')}: " in heat.told("one")["deploy_stdout"]
    first = started.id("web")
    assert started.running("web")
    assert started.row("web")["step"] == 4
    agents.poll(created, force=True)
    assert len(heat.signals) == 1
    heat.refuse = 2
    changed = json.dumps(named(started, web=service(environment={"V": "2"})))
    agents.poll(heat.deployment(changed, "two", deploy_action="UPDATE", deploy_signal_verb="PUT"))
    assert heat.told("two")["deploy_status_code"] == 0
    assert heat.refuse == 0
    assert started.id("web") != first
    assert len(list(started.desired.iterdir())) == 1


def test_an_update_that_fails_is_rolled_back_and_heat_is_told_why(heat, agents, started):
    """Status, reason and last words arrive in Heat while the good container serves again; asked again, it is tried."""
    agents.refresh(heat.deployment(named(started, web=service()), "one"))
    is_proven(started, "web")
    good = started.id("web")
    bad = named(started, web=running_script(FAILING, restart="no"))
    agents.refresh(heat.deployment(bad, "two", deploy_action="UPDATE"))
    told = heat.told("two")
    assert told["deploy_status_code"] == 3, told
    assert "exited with code 3" in told["deploy_stderr"]
    assert "| cannot connect to database" in told["deploy_stderr"]
    assert "rolled back to paunchd.test/stub:1" in told["deploy_stderr"]
    assert started.id("web") == good
    assert started.running("web")
    agents.refresh(heat.deployment(bad, "three", deploy_action="UPDATE"))
    assert heat.told("three")["deploy_status_code"] == 3
    assert [event["event"] for event in started.history("web")].count("rejected") == 2
    agents.refresh(heat.deployment(named(started, web=service()), "four", deploy_action="UPDATE"))
    assert heat.told("four")["deploy_status_code"] == 0
    agents.refresh(heat.deployment(bad, "five", deploy_action="UPDATE"))
    assert [event["event"] for event in started.history("web")].count("rejected") == 3
    assert started.id("web") == good


def test_heat_hears_what_becomes_of_changed_config_files(heat, agents, node, tmp_path):
    """A step that is deployed anew beside them is answered once they are at rest and what reads them is judged, not
    while all is still as it was.
    """
    root = tmp_path / "config-data"
    (root / "web").mkdir(parents=True)
    (root / "web" / "web.conf").write_text("good")
    node.configure(config_files__roots=[str(root)], config_files__quiet_seconds=4)
    node.start()
    fails = running_script("grep -q bad /c/* && exit 3; while :; do sleep 0.05; done", volumes=[f"{root}/web:/c:ro"])
    step = named(node, web={**fails, "restart": "no"})
    agents.refresh(heat.deployment(step, "one", files="a,b"))
    is_proven(node, "web")
    good = node.id("web")
    (root / "web" / "web.conf").write_text("bad")
    agents.refresh(heat.deployment(step, "two", deploy_action="UPDATE", files="c,b"))
    assert heat.told("two")["deploy_status_code"] == 3, heat.told("two")
    assert node.id("web") == good


def test_each_deployment_of_a_list_is_answered_for_itself(heat, agents, started):
    """One that fails, a file that is refused and a word without a hook (T-104) take nothing from the others."""
    steps = named(started, db=service(), db_sync=task(FAILING, start_order=1), api=service(start_order=2))
    said = agents.refresh(
        heat.deployment({}, "misspelt", "Misspelt") | {"group": "paunched"},
        heat.deployment(named(started, odd=service(privilegde=True)), "refused", "Refused"),
        heat.deployment(steps, "steps", "Steps", deploy_password="s3cret-password"),
        heat.deployment(named(started, web=service()), "web", "Web"),
    )
    assert "no hook script" in said
    assert "unknown key `privilegde`; did you mean `privileged`?" in heat.told("refused")["deploy_stderr"]
    assert heat.told("web")["deploy_status_code"] == 0
    told = heat.told("steps")
    assert told["deploy_status_code"] == 3, "the exit code of what failed in the middle (T-119)"
    assert "| cannot connect to database" in told["deploy_stderr"]
    assert f"{started.full('api')}: blocked" in told["deploy_stderr"]
    assert f"{started.full('db')}: " in told["deploy_stdout"]
    files = "".join(path.read_text() for path in started.desired.iterdir())
    assert "s3cret" not in files + json.dumps(told) + started.log_file.read_text()
    assert "s3cret-password" not in said


def test_a_deployment_goes_by_its_delete_action_and_by_vanishing(heat, agents, started):
    """Both ways in which Heat takes something away end its containers, and nobody else's (T-105)."""
    kept, one, two = (
        heat.deployment(named(started, **{name: service()}), name, name) for name in ("kept", "one", "two")
    )
    agents.refresh(kept, one, two)
    assert started.ps().keys() == {"kept", "one", "two"}
    agents.refresh(kept, two, heat.deployment(one["config"], "one-gone", "one", deploy_action="DELETE"))
    assert heat.told("one-gone")["deploy_status_code"] == 0
    assert started.ps().keys() == {"kept", "two"}
    assert "dropped" in agents.refresh(kept)
    started.eventually(lambda: started.ps().keys() == {"kept"})


def test_a_deployment_that_is_replaced_keeps_what_replaced_it(heat, agents, started):
    """What has failed, Heat creates anew under the same name, and deletes the old one then."""
    old = heat.deployment(named(started, web=running_script(FAILING, restart="no")), "old")
    agents.refresh(old)
    assert heat.told("old")["deploy_status_code"] == 3, heat.told("old")
    anew = heat.deployment(named(started, web=service()), "new")
    agents.refresh(old, anew)
    assert heat.told("new")["deploy_status_code"] == 0
    agents.refresh(heat.deployment(old["config"], "old-gone", deploy_action="DELETE"), anew)
    assert heat.told("old-gone")["deploy_status_code"] == 0
    is_proven(started, "web")


def test_agents_that_are_killed_in_the_middle_take_it_up_again(heat, agents, started):
    """Heat is told in the end, although the agents take for done what they had begun."""
    waiting = heat.deployment(named(started, web=service(healthcheck={"test": "test -e /up"})), "one")
    process = agents.start_poll(waiting)
    started.eventually(lambda: started.state("web") == "starting")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert heat.signals == []
    started.run_in("web", "touch", "/up")
    assert "is called again" in agents.poll(waiting)
    assert heat.told("one")["deploy_status_code"] == 0


def test_without_a_daemon_heat_is_told_and_nothing_is_lost(heat, agents, started):
    """The file stays, and the daemon follows it once it is back; an update then succeeds."""
    started.stop()
    deployed = named(started, web=service())
    agents.refresh(heat.deployment(deployed, "one", timeout_seconds=1))
    told = heat.told("one")
    assert told["deploy_status_code"] == 1
    assert f"does not answer at {started.socket}" in told["deploy_stderr"]
    started.start()
    is_proven(started, "web")
    agents.refresh(heat.deployment(deployed, "two", deploy_action="UPDATE"))
    assert heat.told("two")["deploy_status_code"] == 0


def test_a_reboot_deploys_nothing_anew(heat, agents, started):
    """What was in /run is gone, and what is deployed is not: same container, no signal (T-107)."""
    deployed = heat.deployment(named(started, web=service()), "one")
    agents.poll(deployed)
    before = started.id("web")
    started.kill9()
    started.by_hand("POST", "web", "stop")
    (agents.run_dir / "heat-config").unlink()
    started.start()
    agents.poll(deployed, force=True)
    is_proven(started, "web")
    assert started.id("web") == before
    assert len(heat.signals) == 1
