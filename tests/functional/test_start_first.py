"""Under start-first the good container serves until the new one has proved its health beside it."""

import pytest

from tests.functional.node import running_script, service

pytestmark = pytest.mark.engine

BESIDE = {"strategy": "start-first"}
SERVES = "while :; do sleep 0.1; done"


@pytest.fixture
def flags(tmp_path):
    """A directory of the host that containers look at: what a test puts there decides how they fare."""
    made = tmp_path / "flags"
    made.mkdir()
    return made


def healthy_when(flag, flags, **keys):
    """Healthy once *flag* is there; the engine's own first check would come only after a minute."""
    check = {"test": f"test -e /flags/{flag}", "interval": "60s"}
    keys = {"rollout": BESIDE, **keys}
    return running_script(SERVES, stop_signal="SIGKILL", healthcheck=check, volumes=[f"{flags}:/flags"], **keys)


def good_one(node):
    """Bring up a first version, and say how it is known again: by its id and the moment it was started."""
    node.write("app", {"web": service(rollout=BESIDE)})
    node.proves()
    return node.id("web"), node.started_at("web")


def untouched(node, good):
    return (node.id("web"), node.started_at("web")) == good and node.running("web")


def test_the_old_one_is_stopped_only_after_the_new_one_is_healthy(started, flags):
    """Both run while the new one is in its gate, and the new one takes the name without a restart."""
    good = good_one(started)
    started.write("app", {"web": healthy_when("ready", flags)})
    started.eventually(lambda: started.running("web.next"))
    new, since = started.id("web.next"), started.started_at("web.next")
    started.passes(5)
    assert untouched(started, good)
    assert started.state("web") == "starting"
    (flags / "ready").touch()
    started.proves()
    assert (started.id("web"), started.started_at("web")) == (new, since)
    told = [(one.action, one.id) for one in started.happenings("web") if one.action in ("start", "die")]
    assert told == [("start", good[0]), ("start", new), ("die", good[0])]
    assert started.metric('paunchd_rollouts_total{reason="config-changed"}') == 1


@pytest.mark.parametrize(
    ("definition", "cause"),
    [
        (running_script("echo no such option: frob; exit 3", restart="no"), "exited with code 3"),
        (service(healthcheck={"test": "echo still deaf; false", "interval": "60s"}), "not healthy within 1 s"),
        (service(command=["/no/such/program"]), "no such"),
    ],
    ids=["exits", "never healthy", "refused"],
)
def test_a_new_one_that_fails_leaves_the_old_one_untouched(started, definition, cause):
    """The good container keeps its id, its name and the moment it was started: it is not even stopped."""
    good = good_one(started)
    rollout = {**BESIDE, "healthy_deadline_seconds": 1}
    started.write("app", {"web": {**definition, "rollout": rollout}})
    started.becomes("rolled-back", "web")
    started.eventually(lambda: started.ps().keys() == {"web"})
    assert untouched(started, good)
    assert cause in started.row("web")["reason"]
    assert started.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "always"


def test_what_the_failed_one_said_is_kept_and_shown(started):
    """The container is gone when a person asks, its exit code and its log are not (S-14)."""
    good_one(started)
    loud = running_script("echo no such option: frob; exit 3", restart="no", rollout=BESIDE)
    started.write("app", {"web": loud})
    started.becomes("rolled-back", "web")
    (rejected,) = started.detail("web")["rejected"]
    assert (rejected["exit_code"], rejected["oom_killed"]) == (3, False)
    assert "no such option: frob" in "\n".join(rejected["logs"])


def test_a_daemon_that_is_killed_in_the_gate_goes_on_where_it_was(started, flags):
    """Neither of the two containers notices, and the switch comes when the new one is healthy."""
    good = good_one(started)
    started.write("app", {"web": healthy_when("ready", flags)})
    started.eventually(lambda: started.running("web.next"))
    new, since = started.id("web.next"), started.started_at("web.next")
    started.kill9()
    started.start()
    started.passes(3)
    assert untouched(started, good)
    (flags / "ready").touch()
    started.proves()
    assert (started.id("web"), started.started_at("web")) == (new, since)


def test_a_change_of_mind_in_the_gate_costs_the_old_one_nothing(started, flags):
    """What is written back runs still, and what was being tried is cleared away."""
    good = good_one(started)
    started.write("app", {"web": healthy_when("never", flags)})
    started.eventually(lambda: started.running("web.next"))
    started.write("app", {"web": service(rollout=BESIDE)})
    started.proves()
    assert untouched(started, good)
    assert started.ps().keys() == {"web"}


def test_a_good_one_that_dies_in_the_gate_is_succeeded_at_once(started, flags):
    """With nothing serving there is nothing to wait beside for: the new one takes the name and proves itself there."""
    once = service(restart="no", rollout=BESIDE)
    started.write("app", {"web": once})
    started.proves()
    started.write("app", {"web": healthy_when("ready", flags)})
    started.eventually(lambda: started.running("web.next"))
    new = started.id("web.next")
    started.by_hand("POST", "web", "kill")
    started.eventually(lambda: started.id("web") == new)
    (flags / "ready").touch()
    started.proves()
    assert started.id("web") == new
