"""How soon the old version serves again once a new one has failed, and what a switch costs.

Each figure stands beside the engine's own stop and start of the same kind of container, taken in the same run. The
moments are those of the engine's events; no registry is asked, for there is none.
"""

import statistics
import time
from datetime import datetime

import pytest

from tests.functional.node import Node, running_script, service

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

RUNS = 20
QUICK = {"probation_seconds": 0, "min_healthy_seconds": 0}
DIES = "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 3"


def seconds(taken: list[float]) -> str:
    ordered = sorted(taken)
    return f"median {statistics.median(ordered):.3f} s, worst {ordered[-1]:.3f} s over {len(ordered)} runs"


def stop_and_start(node: Node) -> float:
    """The engine alone: stop a container like those below and start it again."""
    began = time.perf_counter()
    node.by_hand("POST", "bare", "stop")
    node.by_hand("POST", "bare", "start")
    return time.perf_counter() - began


def moment(node: Node, action: str, container_id: str, after: int = 0) -> int:
    """When the engine told *action* of that container first, in nanoseconds, not before *after*."""
    return next(
        one.at for one in node.happenings("web") if (one.action, one.id) == (action, container_id) and one.at > after
    )


def rejected_at(node: Node) -> int:
    """When the daemon said that the newest revision is rejected, in nanoseconds."""
    stamp = node.log("revision_rejected")[-1]["at"]
    return int(datetime.fromisoformat(stamp).timestamp() * 1e9)


@pytest.fixture
def good(make_node):
    """A node with a good container under our care, and one beside it that is nobody's."""
    node = make_node(reconcile__resync_seconds=3600)
    node.make_foreign("bare")
    node.start()
    node.write("app", {"web": service(rollout=QUICK)})
    node.proves()
    return node


def back(node: Node, kept: str) -> None:
    node.becomes("rolled-back", "web")
    node.eventually(lambda: node.id("web") == kept and node.running("web"))


def test_from_the_end_of_a_failed_version_to_the_start_of_the_good_one(good):
    """A new version that ends in probation is followed by the good one, which nobody has to fetch."""
    kept, taken, bare = good.id("web"), [], []
    for number in range(RUNS):
        dies = running_script(DIES, restart="no", environment={"V": str(number)}, rollout={"probation_seconds": 600})
        good.write("app", {"web": dies})
        good.becomes("proving", "web")
        failed = good.id("web")
        good.run_in("web", "touch", "/tmp/go")
        back(good, kept)
        ended = moment(good, "die", failed)
        taken.append((moment(good, "start", kept, ended) - ended) / 1e9)
        bare.append(stop_and_start(good))
    print(f"\nfrom the failed one's end to the good one's start: {seconds(taken)}")
    print(f"the engine's own stop and start: {seconds(bare)}")


def test_from_a_rejection_to_the_start_of_the_good_one(good):
    """A new version that runs and never gets healthy is stopped, and the good one follows."""
    kept, taken, bare = good.id("web"), [], []
    for number in range(RUNS):
        sick = service(
            environment={"V": str(number)},
            healthcheck={"test": "false", "interval": "600s"},
            rollout={"healthy_deadline_seconds": 0.5},
        )
        good.write("app", {"web": sick})
        back(good, kept)
        rejected = rejected_at(good)
        taken.append((moment(good, "start", kept, rejected) - rejected) / 1e9)
        bare.append(stop_and_start(good))
    print(f"\nfrom a rejection to the good one's start, the stop of the bad one included: {seconds(taken)}")
    print(f"the engine's own stop and start: {seconds(bare)}")


def test_how_long_nothing_runs_in_a_switch(good):
    """Stop-first: from the end of the old one to the start of the new. Start-first: both run meanwhile."""
    gaps: dict[str, list[float]] = {"stop-first": [], "start-first": []}
    bare = []
    for number in range(RUNS):
        for strategy, found in gaps.items():
            old = good.id("web")
            made = service(environment={"V": f"{strategy} {number}"}, rollout={**QUICK, "strategy": strategy})
            good.write("app", {"web": made})
            good.proves()
            before = [one.at for one in good.happenings("web") if (one.action, one.id) == ("start", old)]
            ended = moment(good, "die", old, before[-1])
            found.append((moment(good, "start", good.id("web")) - ended) / 1e9)
        bare.append(stop_and_start(good))
    print(f"\nstop-first, from the old one's end to the new one's start: {seconds(gaps['stop-first'])}")
    ahead = [-gap for gap in gaps["start-first"]]
    print(f"start-first, the new one had started before the old one ended by: least {min(ahead):.3f} s")
    print(f"the engine's own stop and start: {seconds(bare)}")
