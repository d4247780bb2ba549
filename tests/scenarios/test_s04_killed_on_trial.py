"""S-04: kill -9 while a new version is on trial, and while it is taken back."""

from datetime import datetime

import pytest

from tests.functional.faults import Fault, What, When
from tests.scenarios.scenario import running_script, service

pytestmark = pytest.mark.engine

MIN_HEALTHY, PROBATION = 0.5, 1.0
CHECKED = {"healthcheck": {"test": "test -e /tmp/well", "interval": "1h"}}


def moment(line):
    return datetime.fromisoformat(line["at"])


def begin_with_a_good_one(scenario, **settings):
    with scenario.step("a good container runs") as node:
        scenario.configure(**settings)
        node.start()
        node.write("app", {"web": service(rollout={"probation_seconds": 0})})
        node.proves()
        return node.id("web")


def test_s04_the_gate_starts_over_and_the_good_one_is_kept(scenario):
    """What a new version had shown before the daemon was killed counts no more, and nothing is held against it."""
    good = begin_with_a_good_one(
        scenario, rollout__min_healthy_seconds=MIN_HEALTHY, rollout__probation_seconds=PROBATION
    )
    with scenario.step("the daemon is killed while a new version is in probation") as node:
        node.write("app", {"web": service(environment={"V": "2"})})
        node.becomes("proving", "web")
        new = node.id("web")
        node.kill9()
    with scenario.step("the next daemon has the same one on trial, and the good one beside it") as node:
        node.start()
        node.becomes("proving", "web")
        assert (node.id("web"), node.id("web.prev")) == (new, good)
        assert not node.running("web.prev")
    with scenario.step("it is proven once it has shown everything to the new daemon alone") as node:
        node.proves()
        assert node.id("web") == new
        began, accepted = node.log("daemon_began")[-1], node.log("revision_accepted")[-1]
        assert (moment(accepted) - moment(began)).total_seconds() >= MIN_HEALTHY + PROBATION
        assert node.detail("web")["rejected"] == []
    scenario.holds()


def test_s04_a_version_that_is_not_healthy_yet_has_its_whole_time_again(scenario):
    """The health test's deadline counts from the next daemon's first look."""
    good = begin_with_a_good_one(scenario)
    with scenario.step("the daemon is killed while a new version has not passed its test yet") as node:
        node.write("app", {"web": service(**CHECKED, rollout={"healthy_deadline_seconds": 2})})
        node.becomes("starting", "web")
        new = node.id("web")
        node.kill9()
    with scenario.step("the next daemon waits for the same one, and at last gives it up by its own clock") as node:
        node.start()
        node.eventually(lambda: node.log("revision_rejected"))
        began, rejected = node.log("daemon_began")[-1], node.log("revision_rejected")[-1]
        assert (moment(rejected) - moment(began)).total_seconds() >= 2
        assert rejected["cause"] == "not healthy within 2 s"
    with scenario.step("the very container that was good runs, and the bad one is gone") as node:
        node.becomes("rolled-back", "web")
        node.eventually(lambda: node.ps().keys() == {"web", "foreign"} and node.running("web"))
        assert node.id("web") == good
        assert new not in node.ids().values()
    scenario.holds(settled=False)


def test_s04_a_rollback_is_finished_and_never_rolled_back(scenario):
    """Killed at each of its calls, one daemon after the other, it ends with the good container, judged no more."""
    good = begin_with_a_good_one(scenario)
    with scenario.step("a version that fails is about to be taken back when the daemon is killed") as node:
        scenario.proxy.arm(Fault(1, What.KILL, on="^DELETE"))
        node.write("app", {"web": running_script("exit 3", restart="no")})
        node.eventually(lambda: node.ended and scenario.proxy.fired.is_set())
        bad = node.log("revision_rejected")[-1]["revision"]
    for call in ("^DELETE", "/rename$", "/update$", "/start$"):
        with scenario.step(f"the next daemon goes on, and is killed after {call}") as node:
            scenario.proxy.arm(Fault(1, What.KILL, When.AFTER, on=call))
            node.launch()
            node.eventually(lambda: node.ended and scenario.proxy.fired.is_set())
    with scenario.step("the last daemon finds the container that was good in its place") as node:
        scenario.proxy.arm()
        node.start()
        node.becomes("rolled-back", "web")
        node.eventually(lambda: node.ps().keys() == {"web", "foreign"} and node.running("web"))
        assert node.id("web") == good
        assert node.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "always"
    with scenario.step("nothing but the bad version was ever rejected") as node:
        assert {line["revision"] for line in node.log("revision_rejected")} == {bad}
        assert len(node.detail("web")["rejected"]) == 1
    scenario.holds(settled=False)
