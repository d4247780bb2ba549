"""What somebody does by hand to a good container is seen at once and put right, unless an operator holds it."""

import pytest

from tests.functional.node import running_script, service, task

pytestmark = pytest.mark.engine


@pytest.fixture
def good(started):
    """A node with one proven container beside another."""
    started.write("app", {"web": service(), "db": service()})
    started.proves()
    return started


def test_a_stopped_container_is_started_again_under_its_id(good):
    """Stopped by hand, it is started and neither made anew nor renamed (T-016, T-025, T-114, S-17)."""
    before = good.ids()
    since = good.started_at("web")
    good.by_hand("POST", "web", "stop")
    good.eventually(lambda: good.running("web") and good.started_at("web") != since)
    good.proves()
    assert good.ids() == before


def test_a_killed_container_is_back(good):
    """Killed by hand it comes back, by the engine or by us (S-17)."""
    before = good.id("web")
    since = good.started_at("web")
    good.by_hand("POST", "web", "kill")
    good.eventually(lambda: good.running("web") and good.started_at("web") != since)
    good.proves()
    assert good.id("web") == before


def test_a_removed_container_is_made_again(good):
    """Removed by hand it is made again, alone, and blocks nobody (T-114, S-17)."""
    before = good.ids()
    good.by_hand("DELETE", "web?force=1")
    good.eventually(lambda: good.id("web") not in ("", before["web"]))
    good.proves()
    assert good.id("db") == before["db"]
    assert good.state("web") == "running"


def test_a_paused_container_goes_on(good):
    """Paused by hand it is unpaused and not restarted (S-17)."""
    since = good.started_at("web")
    good.by_hand("POST", "web", "pause")
    good.eventually(lambda: "unpause" in good.actions("web"))
    good.eventually(lambda: good.running("web"))
    assert good.started_at("web") == since


def test_a_renamed_container_gets_its_name_back(good):
    """Renamed by hand the same container has its name again and was not restarted (S-17)."""
    before, since = good.id("web"), good.started_at("web")
    good.by_hand("POST", "web", f"rename?name={good.full('mine')}")
    good.eventually(lambda: good.id("web") == before)
    good.proves()
    assert good.started_at("web") == since
    assert good.ps().keys() == {"web", "db"}


def test_a_restart_policy_changed_by_hand_is_set_back(make_node):
    """What was changed on the living container shows at the slow resync and is set as declared (S-17)."""
    node = make_node(reconcile__slow_resync_seconds=1)
    node.start()
    node.write("app", {"web": service()})
    node.proves()
    before = node.id("web")
    node.by_hand("POST", "web", "stop")
    node.eventually(lambda: node.running("web"))
    node.engine.call("POST", f"/containers/{node.full('web')}/update", {"RestartPolicy": {"Name": "no"}})
    node.eventually(lambda: node.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "always")
    assert node.id("web") == before


def test_a_held_container_is_left_as_it_is_until_it_is_released(good):
    """``hold`` lets a person work on a container; ``release`` puts it right again (T-114, S-17)."""
    good.ask_to("hold", "web")
    good.by_hand("POST", "web", "stop")
    good.becomes("held", "web")
    good.passes()
    assert not good.running("web")
    good.restart()
    good.passes()
    assert good.state("web") == "held"
    assert not good.running("web")
    good.ask_to("release", "web")
    good.proves()
    assert good.running("web")


def test_a_held_container_is_not_replaced_either(good):
    """A change of its definition waits for the release, and the others are changed (T-114)."""
    before = good.ids()
    good.ask_to("hold", "web")
    good.write("app", {"web": service(environment={"V": "2"}), "db": service(environment={"V": "2"})})
    good.becomes("held", "web")
    good.eventually(lambda: good.id("db") not in ("", before["db"]))
    assert good.id("web") == before["web"]
    good.ask_to("release", "web")
    good.proves()
    assert good.id("web") != before["web"]


def test_a_container_that_keeps_ending_is_repaired_with_growing_pauses(started, tmp_path):
    """A good container that does not stay up is tried again later and later, and says when (S-19)."""
    flags = tmp_path / "flags"
    flags.mkdir()
    script = "[ -e /flags/down ] && exit 1; trap 'exit 1' TERM; while :; do sleep 0.1; done"
    volumes = [f"{flags}:/flags"]
    started.write("app", {"web": running_script(script, restart="on-failure:1", volumes=volumes)})
    started.proves()
    before = started.id("web")
    (flags / "down").touch()
    started.by_hand("POST", "web", "stop")
    started.eventually(lambda: started.detail("web")["attempts_failed"] >= 3)
    started.becomes("waiting", "web")
    assert started.row("web")["next_attempt"]
    (flags / "down").unlink()
    started.becomes("running", "web")
    assert started.id("web") == before


def test_a_task_that_was_done_is_not_run_again_because_its_container_is_gone(started):
    """Removing the container of a finished task by hand changes nothing: done is done."""
    started.write("app", {"sync": task("exit 0")})
    started.becomes("succeeded", "sync")
    started.by_hand("DELETE", "sync")
    started.passes(3)
    assert started.state("sync") == "succeeded"
    assert not started.ps()


def test_repair_is_never_blocked_by_an_earlier_failure(started):
    """A proven container of a later step comes back although an earlier step has failed (T-111)."""
    started.write("one", {"sync": task("exit 0")}, step=1)
    started.write("two", {"api": service()}, step=2)
    started.proves()
    started.write("one", {"sync": task("exit 1")}, step=1)
    started.becomes("failed", "sync")
    first = started.id("api")
    started.by_hand("DELETE", "api?force=1")
    started.eventually(lambda: started.id("api") not in ("", first) and started.running("api"))
