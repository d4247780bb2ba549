"""S-16: a wall clock that jumps, and a daemon that stands still."""

import os
import signal
import sys
import time
from datetime import UTC, datetime

import pytest

from tests.scenarios import clock
from tests.scenarios.scenario import service, task

pytestmark = pytest.mark.engine

HOUR = 3600
DEADLINE_SECONDS = 8.0
STOOD_STILL_SECONDS = 14.0
LATE = {"test": "test -e /tmp/up", "interval": "60s"}


def sees_the_clock(node, error):
    """Whether the daemon's own wall clock is wrong by *error* seconds."""
    since = datetime.fromisoformat(node.row("fresh")["since"])
    return abs((since - datetime.now(UTC)).total_seconds() - error) < HOUR / 2


def test_s16_no_timer_follows_the_wall_clock(scenario, tmp_path):
    """An hour forward and an hour back, in the gate, in probation and in a task's time: nobody is judged for it."""
    error = tmp_path / "clock"
    scenario.node.command = (sys.executable, clock.__file__, str(error), *scenario.node.command[3:])
    with scenario.step("two good containers run") as node:
        node.start()
        node.write("app", {"gate": service(), "trial": service()})
        node.proves()
        good = node.ids()
    with scenario.step("one is in its gate, one in probation, and a task may take its time"):
        declared = {
            "gate": service(healthcheck=LATE, rollout={"healthy_deadline_seconds": 600}),
            "trial": service(environment={"V": "2"}, rollout={"probation_seconds": 600}),
            "sync": task("while [ ! -e /tmp/up ]; do sleep 0.1; done", timeout_seconds=600),
        }
        node.write("app", declared)
        node.becomes("starting", "gate", "sync")
        node.becomes("proving", "trial")
    for number, seconds in enumerate((HOUR, -HOUR)):
        with scenario.step(f"the clock is wrong by {seconds} seconds, and the daemon sees it so"):
            error.write_text(str(seconds))
            node.write("more", {"fresh": service(environment={"V": str(number)})})
            node.becomes("running", "fresh")
            node.eventually(lambda seconds=seconds: sees_the_clock(node, seconds))
        with scenario.step("nobody was judged for it, and all are waited for as before"):
            node.passes(3)
            assert node.states() == {"gate": "starting", "trial": "proving", "sync": "starting", "fresh": "running"}
            assert node.id("gate.prev") == good["gate"]
            assert node.id("trial.prev") == good["trial"]
    with scenario.step("they come up, and all is well"):
        node.run_in("gate", "touch", "/tmp/up")
        node.run_in("sync", "touch", "/tmp/up")
        node.write("app", {**declared, "trial": service(environment={"V": "2"}, rollout={"probation_seconds": 0})})
        node.proves()
    error.unlink()
    scenario.holds()


def test_s16_standing_still_is_no_failure_of_a_container(scenario):
    """A daemon that was stopped for longer than a deadline has not looked meanwhile: the gate starts over."""
    with scenario.step("a good container runs") as node:
        node.start()
        node.write("app", {"web": service()})
        node.proves()
    with scenario.step("its new version is in its gate, and the daemon stands still for longer than the deadline"):
        slow = service(healthcheck=LATE, rollout={"healthy_deadline_seconds": DEADLINE_SECONDS})
        node.write("app", {"web": slow})
        node.becomes("starting", "web")
        new = node.id("web")
        os.kill(node.pid, signal.SIGSTOP)
        time.sleep(STOOD_STILL_SECONDS)
    with scenario.step("meanwhile the container has become healthy, and when the daemon goes on it is taken"):
        node.run_in("web", "touch", "/tmp/up")
        os.kill(node.pid, signal.SIGCONT)
        node.proves()
        assert node.id("web") == new
        assert node.detail("web")["rejected"] == []
    scenario.holds()
