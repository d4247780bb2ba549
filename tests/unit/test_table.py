"""The table of one container, exhausted on the real ``plan``.

Four revisions: A and B are good, C never gets healthy, D gets healthy and fails in probation. From nothing, every
order is taken of: one planned step (so a kill between any two engine or store calls), what a container does by
itself, a change of the desired revision, and a fault made by hand. Nothing is sampled. All of it once with
the old container stopped first, and once with the new one started first, beside the old; and once with four images of
one definition in place of four definitions, whose name moves from one to the other.
"""

from collections import deque
from dataclasses import dataclass, replace
from functools import cache

import pytest

from paunchd.reconcile.diff import diff
from paunchd.reconcile.model import (
    Accept,
    ContainerState,
    Create,
    Facts,
    Health,
    Item,
    Past,
    Reject,
    Revision,
    Seen,
    Slot,
    Start,
    Stop,
    Trial,
    pinned,
)
from paunchd.reconcile.moved import told_apart
from paunchd.reconcile.plan import plan
from paunchd.reconcile.project import project
from tests.unit.places import NOW, RULES, facts, spec

NAME = "web"
STRATEGIES = ("stop-first", "start-first")
IMAGES = "images"
MOVING = Item(NAME, "node", None, spec(pull="never"), "v1:web")
ITEMS = {
    (strategy, letter): Item(
        NAME,
        "node",
        None,
        spec(environment={"V": letter}, pull="never", rollout={"strategy": strategy}),
        letter,
    )
    for strategy in STRATEGIES
    for letter in "ABCD"
}
NOTHING = Seen()
MOVED = replace(RULES, moved_image="replace")
FRESH, HEALTHY, PROVEN, FAILED = "fresh", "healthy", "proven", "failed"
FUTURE = {("A", FRESH): HEALTHY, ("B", FRESH): HEALTHY, ("D", FRESH): HEALTHY, ("C", FRESH): FAILED}
FUTURE |= {("A", HEALTHY): PROVEN, ("B", HEALTHY): PROVEN, ("D", HEALTHY): FAILED}


@dataclass(frozen=True)
class Node:
    """One state of the world. *phase*: how far the trial of the container that is on trial has come."""

    strategy: str
    desired: str
    seen: Seen = NOTHING
    phase: str = FRESH
    good: str = ""
    good_spec: bool = True
    rejected: frozenset = frozenset()
    known: bool = True
    changes: int = 4
    faults: int = 2


def facts_of(node: Node, trial: Trial | None = None) -> Facts:
    if node.strategy == IMAGES:
        return images_of(node, trial)
    revision = None
    if node.good:
        revision = Revision(node.good, ITEMS[node.strategy, node.good].spec if node.good_spec else None)
    past = Past(known=node.known, good=revision, rejected=dict.fromkeys(node.rejected, "it failed"), trial=trial)
    made = facts([ITEMS[node.strategy, node.desired]], past={NAME: past})
    return replace(made, observed=replace(made.observed, names={NAME: node.seen}))


def images_of(node: Node, trial: Trial | None) -> Facts:
    """The same, where revisions are images: what is seen has them beside the label, and memory in its hashes."""

    def labelled(container):
        return container and replace(container, hash=MOVING.hash, image_id=container.hash)

    def at(letter: str) -> str:
        return pinned(MOVING.hash, letter)

    there = {container.hash for container in node.seen.containers} | {node.good or node.desired}
    past = Past(
        known=node.known,
        good=Revision(at(node.good), MOVING.spec) if node.good else None,
        rejected={at(letter): "it failed" for letter in node.rejected},
        trial=trial,
    )
    seen = replace(
        node.seen,
        live=labelled(node.seen.live),
        next=labelled(node.seen.next),
        prev=labelled(node.seen.prev),
        strays=tuple(map(labelled, node.seen.strays)),
    )
    made = facts([MOVING], past={NAME: past})
    images = {f"sha256:{letter}": letter for letter in there} | {MOVING.spec.image: node.desired}
    observed = replace(made.observed, names={NAME: seen}, images=images)
    return told_apart(replace(made, observed=observed), MOVED)


def letter_of(revision: str) -> str:
    return revision[-1:]


def seen_as(node: Node) -> Node:
    """The same to a planner, who does not know what may still happen."""
    return replace(node, changes=0, faults=0)


def on_trial(node: Node):
    return _on_trial(seen_as(node))


@cache
def _on_trial(node: Node):
    """The container that has something to prove, once it has been started."""
    judged = diff(facts_of(node))[NAME].on_trial
    if judged is None or judged.state is ContainerState.CREATED:
        return None
    return replace(judged, hash=letter_of(judged.hash))


def judged_facts(node: Node) -> Facts:
    """The facts with the trial as far as *phase* says, and with what the engine then shows."""
    judged = on_trial(node)
    if judged is None:
        return facts_of(node)
    since = NOW - 301 if (node.phase is FAILED and judged.hash == "C") else NOW
    healthy_at = {HEALTHY: NOW, PROVEN: NOW - 301, FAILED: NOW if judged.hash == "D" else None}.get(node.phase)
    trial = Trial(judged.id, since, NOW, judged.details.started_at, healthy_at=healthy_at)
    if judged.hash == "D" and node.phase is FAILED and judged.running:
        place = "live" if judged.slot is Slot.LIVE else "next"
        sick = replace(getattr(node.seen, place), health=Health.UNHEALTHY)
        node = replace(node, seen=replace(node.seen, **{place: sick}))
    return facts_of(node, trial)


def steps_of(node: Node):
    return _steps_of(seen_as(node))


@cache
def _steps_of(node: Node):
    lanes = plan(judged_facts(node), RULES).lanes
    return lanes[0].steps if lanes else ()


def after(node: Node, step) -> Node:
    """The world after *step* alone."""
    match step:
        case Accept(_, revision, known_spec):
            spec_known = known_spec is not None or node.strategy == IMAGES
            return replace(node, good=letter_of(revision), good_spec=spec_known, known=True)
        case Reject(_, revision):
            return replace(node, rejected=node.rejected | {letter_of(revision)}, known=True)
    known = node.known or isinstance(step, Create)
    if isinstance(step, Create):
        step = replace(step, revision=letter_of(step.revision))
    return carried(node, replace(node, seen=project(node.seen, NAME, step), known=known))


def carried(node: Node, then: Node) -> Node:
    """A trial goes on only while the same container is on trial and runs."""
    before, judged = on_trial(node), on_trial(then)
    same = before and judged and before.hash == judged.hash and before.running and judged.running
    return then if same else replace(then, phase=FRESH)


def by_itself(node: Node):
    """What the container on trial does when nobody acts."""
    judged = on_trial(node)
    future = FUTURE.get((judged.hash, node.phase)) if judged and judged.state is ContainerState.RUNNING else None
    if future:
        yield replace(node, phase=future)


def by_hand(node: Node):
    """Every fault, each costing one."""
    if not node.faults:
        return
    one_less = replace(node, faults=node.faults - 1)
    for place in ("live", "next", "prev"):
        there = getattr(node.seen, place)
        if there:
            yield carried(node, replace(one_less, seen=replace(node.seen, **{place: None})))
    live = node.seen.live
    if live and live.running:
        details = replace(live.details, exit_code=143)
        stopped = replace(live, state=ContainerState.EXITED, details=details)
        yield carried(node, replace(one_less, seen=replace(node.seen, live=stopped)))
        renamed = replace(live, engine_name="by-hand", slot=live.slot.STRAY)
        if not node.seen.strays:
            yield carried(node, replace(one_less, seen=replace(node.seen, live=None, strays=(renamed,))))
    if node.good or node.rejected:
        yield replace(one_less, good="", rejected=frozenset(), known=False, phase=FRESH)


def successors(node: Node):
    steps = steps_of(node)
    calm = [after(node, steps[0])] if steps else []
    calm += by_itself(node)
    rough = list(by_hand(node))
    if node.changes:
        others = [letter for letter in "ABCD" if letter != node.desired]
        rough += [carried(node, replace(node, desired=letter, changes=node.changes - 1)) for letter in others]
    return steps, calm, rough


def copies_running(node: Node) -> int:
    return sum(container.running for container in node.seen.containers)


def at(node: Node, revision: str) -> bool:
    return any(container.hash == revision for container in node.seen.containers)


def check_step(node: Node, step) -> None:
    """What no single step may do."""
    then = after(node, step)
    beside = node.strategy == "start-first" and step == Start(f"{NAME}.next")
    if isinstance(step, Start):
        assert copies_running(then) == (2 if beside else 1), f"{copies_running(then)} running after {step}: {node}"
    stops = isinstance(step, Stop) and step.engine_name == NAME
    if node.strategy == "start-first" and stops and node.seen.live.hash == node.good:
        proved = node.phase in (HEALTHY, PROVEN) and node.seen.next.running
        assert proved or not node.seen.live.running, f"the good one is stopped too early: {node}"
    if node.good and at(node, node.good) and then.good == node.good and not node.good_spec:
        assert at(then, node.good), f"the good container is lost by {step}: {node}"
    if node.good and at(node, node.good) and node.seen.live and node.seen.live.hash == node.good:
        assert at(then, node.good) or then.good != node.good, f"the good container is lost by {step}: {node}"


def check_rest(node: Node) -> None:
    """Where nothing moves any more, the node is as desired, or rolled back to the good revision, and clean."""
    live = node.seen.live
    assert live is not None, f"nothing is there: {node}"
    assert live.running, f"nothing runs: {node}"
    returnable = node.good and (node.good_spec or at(node, node.good))
    wanted = node.good if node.desired in node.rejected and returnable else node.desired
    assert live.hash == wanted, f"{live.hash} runs, {wanted} is wanted: {node}"
    assert node.seen.next is None, f"a prepared container is left: {node}"
    assert not node.seen.strays, f"a stray is left: {node}"
    if node.good == live.hash:
        assert node.seen.prev is None, f"a kept container is left: {node}"


@pytest.fixture(scope="module", params=[*STRATEGIES, IMAGES])
def world(request):
    """Every reachable state with its planned steps and its calm successors."""
    reached: dict[Node, tuple] = {}
    changes = {"stop-first": 3, "start-first": 2, IMAGES: 1}[request.param]
    queue = deque(Node(request.param, letter, changes=changes + (letter == "A")) for letter in "ABCD")
    while queue:
        node = queue.popleft()
        if node in reached:
            continue
        steps, calm, rough = successors(node)
        reached[node] = (steps, calm)
        queue += [*calm, *rough]
    return reached


def test_the_world_is_as_large_as_it_is_said_to_be(world):
    """Every interleaving of changes and hand-made faults is looked at, tens of thousands of states."""
    images = next(iter(world)).strategy == IMAGES
    assert len(world) > (5_000 if images else 15_000), len(world)


def test_no_step_loses_the_good_container_or_starts_a_second_copy(world):
    """Whatever came before, no single step of ours loses the good container or makes two copies run."""
    for node, (steps, _) in world.items():
        if steps:
            check_step(node, steps[0])


def test_a_lane_is_what_planning_after_each_step_would_have_done(world):
    """Carrying out a lane without looking again takes the same steps as looking again after each of them."""
    for node, (steps, _) in world.items():
        for step, rest in zip(steps, [steps[i:] for i in range(1, len(steps))], strict=False):
            node = after(node, step)  # noqa: PLW2901 - the walk along the lane
            assert steps_of(node) == rest, f"after {step}: {node}"


def test_when_the_faults_stop_every_state_comes_to_rest_as_desired_or_rolled_back(world):
    """There is no live-lock: calm moves never return to a state, and where they end all is well."""
    resting, visiting = set(), set()
    for start in world:
        stack = [(start, iter(world[start][1]))]
        while stack:
            node, moves = stack[-1]
            visiting.add(node)
            move = next(moves, None)
            if move is None:
                if not world[node][1]:
                    check_rest(node)
                visiting.discard(node)
                resting.add(node)
                stack.pop()
            elif move not in resting:
                assert move not in visiting, f"round and round: {move}"
                stack.append((move, iter(world[move][1])))
