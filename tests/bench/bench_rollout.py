"""How soon the old version serves again once a new one has failed, and what a switch costs.

Each figure stands beside the engine's own stop and start of the same kind of container, taken in the same run. No
registry is asked, for there is none; when the good version has to come back, neither its own image has a name any more
nor that of the failed one.
"""

import time
from collections.abc import Callable

import pytest
import stub_image as stubs

from tests.bench.measured import RATE, load, milliseconds, stop_and_start, unreachable
from tests.functional.node import Node, running_script, service
from tests.load.stage import make_bare, reserved_port, web
from tests.load.visitors import Visitors

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

RUNS = 20
QUICK = {"probation_seconds": 0, "min_healthy_seconds": 0}
DIES = "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 3"
DEADLINE_SECONDS = 2.0
GOOD, BAD = "paunchd.test/good:1", "paunchd.test/bad:1"

Fail = Callable[[Node], None]


def moment(node: Node, action: str, container_id: str, after: int = 0) -> int:
    """When the engine told *action* of that container first, in nanoseconds, not before *after*."""
    return next(
        one.at for one in node.happenings("web") if (one.action, one.id) == (action, container_id) and one.at > after
    )


def make_image(node: Node, name: str) -> None:
    recipe = stubs.Recipe(changes=(f"ENV IMAGE={name}", *stubs.Recipe().changes))
    stubs.build(f"unix://{node.engine.socket_path}", [name], recipe)


def take_image_away(node: Node, name: str) -> None:
    """What ``docker rmi --force`` does: while a container runs from it, it loses its name."""
    node.engine.call("DELETE", f"/images/{name}?force=1")
    assert not node.engine.image_exists(name)


def roll_back(node: Node, port: int, bad: dict, fail: Fail) -> tuple[str, list[float]]:
    """Roll out *bad*, take its image away, let it *fail*; return its id and when visitors were answered."""
    kept = node.id("web")
    make_image(node, BAD)
    with Visitors(port, RATE, node.directory / "visits") as visitors:
        node.eventually(visitors.answered_since)
        node.write("app", {"web": {**bad, "image": BAD}})
        node.eventually(lambda: node.id("web") != kept and node.running("web"))
        failed = node.id("web")
        take_image_away(node, BAD)
        fail(node)
        node.becomes("rolled-back", "web")
        node.eventually(lambda: node.id("web") == kept)
        back = time.time()
        node.eventually(lambda: visitors.answered_since(back))
    return failed, [visit.ended for visit in visitors.visits if visit.answer]


@pytest.fixture
def node(make_node):
    """A node with a service at its first, good revision, whose image has lost its name; only events wake its daemon."""
    node = make_node(reconcile__resync_seconds=3600)
    node.start()
    return node


def measure(node: Node, bad: Callable[[int], dict], fail: Fail, failed_at: Callable[[str], float]) -> None:
    """Print how soon the good one serves again after each failure of *bad*, which *failed_at* dates."""
    served, stops, calls, bare = [], [], [], []
    make_image(node, GOOD)
    with reserved_port() as port, reserved_port() as bare_port:
        make_bare(node, bare_port)
        node.write("app", {"web": web("v0", port, image=GOOD, rollout=QUICK)})
        node.proves()
        take_image_away(node, GOOD)
        for number in range(RUNS):
            failed, answers = roll_back(node, port, bad(number), fail)
            failure = failed_at(failed)
            served.append(min(at for at in answers if at > failure) - failure)
            asked = [one.at for one in node.happenings("web") if (one.action, one.id) == ("kill", failed)]
            stops.append((moment(node, "die", failed) - asked[0]) / 1e9 if asked else 0.0)
            bare.append(unreachable(node, bare_port, lambda: calls.append(stop_and_start(node))))
    beyond = [all_of_it - stop for all_of_it, stop in zip(served, stops, strict=True)]
    print(f"from its failure to the first answer of the good one: {milliseconds(served)} over {RUNS} runs")
    print(f"of that the stop of the failed one: {milliseconds(stops)}; the rest: {milliseconds(beyond)}")
    print(f"unreachable in the engine's own stop and start: {milliseconds(bare)}")
    print(f"these two calls: {milliseconds(calls)}; {load()}")


def test_how_soon_the_good_one_serves_after_a_failed_one_has_ended(node):
    """The new version ends in probation."""

    def bad(number: int) -> dict:
        return running_script(DIES, restart="no", environment={"V": str(number)}, rollout={"probation_seconds": 600})

    def fail(node: Node) -> None:
        node.becomes("proving", "web")
        node.run_in("web", "touch", "/tmp/go")

    print("\na new version that ends in probation")
    measure(node, bad, fail, lambda failed: moment(node, "die", failed) / 1e9)


def test_how_soon_the_good_one_serves_after_a_missed_deadline(node):
    """The new version runs, never gets healthy, and has to be stopped; it has failed when its deadline is over."""

    def bad(number: int) -> dict:
        rollout = {"healthy_deadline_seconds": DEADLINE_SECONDS}
        check = {"test": "false", "interval": "600s"}
        return service(environment={"V": str(number)}, healthcheck=check, rollout=rollout)

    print("\na new version that is not healthy by its deadline")
    measure(node, bad, lambda _: None, lambda failed: moment(node, "start", failed) / 1e9 + DEADLINE_SECONDS)


def test_how_long_nothing_runs_in_a_switch(node):
    """Stop-first: from the end of the old one to the start of the new. Start-first: both run meanwhile."""
    node.make_foreign("bare")
    node.write("app", {"web": service(rollout=QUICK)})
    node.proves()
    gaps: dict[str, list[float]] = {"stop-first": [], "start-first": []}
    bare = []
    for number in range(RUNS):
        for strategy, found in gaps.items():
            old = node.id("web")
            made = service(environment={"V": f"{strategy} {number}"}, rollout={**QUICK, "strategy": strategy})
            node.write("app", {"web": made})
            node.proves()
            before = [one.at for one in node.happenings("web") if (one.action, one.id) == ("start", old)]
            ended = moment(node, "die", old, before[-1])
            found.append((moment(node, "start", node.id("web")) - ended) / 1e9)
        bare.append(stop_and_start(node))
    print(f"\nstop-first, from the old one's end to the new one's start: {milliseconds(gaps['stop-first'])}")
    ahead = [-gap for gap in gaps["start-first"]]
    print(f"start-first, the new one had started before the old one ended by: least {min(ahead):.3f} s")
    print(f"the engine's own stop and start: {milliseconds(bare)}")
