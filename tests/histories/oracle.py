"""Where a node must come to rest, from what was declared and what was proven; never from the product's own plan.

Each name is looked at alone: what is declared runs where it is well; where it is ill, the good one runs again; where
there is none, what was declared is left as it is; and of what is not declared nothing is left.
"""

from collections.abc import Iterator

from paunchd.reconcile.model import ContainerState, State
from tests.fakes.engine import RUNNING, FakeContainer
from tests.histories.engine import revision_of
from tests.histories.revisions import (
    CONTAINERS,
    EXEC,
    FIRST_GOOD,
    NAMES,
    NEIGHBOUR,
    TARGET,
    TASK,
    Definition,
    Revision,
)
from tests.histories.world import World

TRYING = ("no image", "refused", "unstartable")
AT_REST = frozenset(State) - {State.PREPARING, State.UNKNOWN, State.REMOVING, State.CONFLICT, State.HELD}


def differences(world: World) -> list[str]:
    """What is not yet as it must be in the end."""
    if world.snapshot is None:
        return ["no pass has been taken"]
    found = list(_unrest(world))
    for name in (*CONTAINERS, NEIGHBOUR):
        found += [f"{name}: {what}" for what in _container(world, name)]
    found += [f"{TASK}: {what}" for what in _task(world)]
    found += [f"{EXEC}: {what}" for what in _exec(world)]
    return found


def _unrest(world: World) -> Iterator[str]:
    snapshot = world.snapshot
    trying = {name for name in NAMES if _may_try_for_ever(world, name)}
    if snapshot.engine != "ok" or snapshot.desired.degraded:
        yield f"the engine is {snapshot.engine}, the directory {snapshot.desired.degraded or 'ok'}"
    for name in snapshot.in_flight.keys() | {lane.name for lane in snapshot.plan.lanes}:
        if name not in trying:
            yield f"{name} is still worked on"
    for name, status in snapshot.plan.statuses.items():
        on_trial = status.state in (State.STARTING, State.PROVING) and status.until is not None
        if (status.state not in AT_REST or on_trial) and name not in trying:
            yield f"{name} is {status.state.value}: {status.reason}"


def _may_try_for_ever(world: World, name: str) -> bool:
    """What cannot even be made, and has nothing to return to, is tried with pauses; so is what a person has to mend."""
    declared = world.papers.understood(name)
    if declared is None:
        return False
    return declared.revision.kind in TRYING or (world.papers.is_broken(name) and world.papers.understood(name) is None)


def _container(world: World, name: str) -> Iterator[str]:
    there = world.engine.owned(name)
    declared = world.papers.understood(name)
    if declared is None:
        if there and not world.papers.is_broken(name):
            yield f"nothing declares it, and there is {shown(there)}"
        return
    live = next((one for one in there if one.engine_name == name), None)
    left = [one for one in there if one is not live]
    if left and not _keeps(world, declared, live, left):
        yield f"left over: {shown(left)}"
    wanted = _wanted(world, declared)
    if (revision_of(live) if live else None) not in wanted and not _nothing_better(world, declared, live):
        yield f"{shown([live]) if live else 'nothing'} is there, wanted {' or '.join(map(str, wanted))}"
    if live is not None:
        yield from _up(world, name, live)


def _wanted(world: World, declared: Definition) -> list[Revision | None]:
    """The revisions that may have the name in the end; ``None``: nothing may."""
    name, revision = declared.name, declared.revision
    good = world.guard.good.get(name)
    returned = [good] if good and good != revision else []
    if name == "cc" and _task_holds_up(world):
        return [revision, *returned, None] if not returned else [revision, *returned]
    if revision.well:
        fair = (name, revision) in world.guard.rejected and world.guard.is_loose(name)
        return returned if fair and returned else [revision]
    if returned:
        return returned
    return [None] if revision.kind in ("no image", "refused") else [revision]


def _nothing_better(world: World, declared: Definition, live: FakeContainer | None) -> bool:
    """What cannot be made takes nothing's place: where nothing was ever good, what was there before it is left."""
    unmade = declared.revision.kind in ("no image", "refused") and world.guard.good.get(declared.name) is None
    return unmade and live is not None


def _task_holds_up(world: World) -> bool:
    task = world.papers.understood(TASK)
    return task is not None and (not task.revision.well or TASK in world.guard.touched)


def _keeps(world: World, declared: Definition, live: FakeContainer | None, left: list[FakeContainer]) -> bool:
    """The good one stays for as long as something is on trial: of a group that cannot be proven, for ever."""
    only = len(left) == 1 and left[0].engine_name == f"{declared.name}.prev"
    good = world.guard.good.get(declared.name)
    waits = world.guard.is_loose(declared.name) and live is not None and revision_of(live) != good
    return only and waits and revision_of(left[0]) == good


def _up(world: World, name: str, live: FakeContainer) -> Iterator[str]:
    """What is well is up, or ran to its end where it was to; and nobody is told that it is what it is not."""
    revision, up = revision_of(live), live.state in RUNNING
    if revision.well and up is (revision.kind == "one-shot"):
        yield f"{shown([live])} is not as it should be"
    if revision.kind in FIRST_GOOD and not up:
        yield f"{shown([live])} is down"
    if up and live.restart != live.spec.restart_policy:
        yield f"{shown([live])} has the restart policy {live.restart}"
    declared, status = world.papers.understood(name), world.snapshot.plan.statuses.get(name)
    if status is None or declared is None or declared.revision == revision or not revision.well:
        return
    if status.state not in (State.ROLLED_BACK, State.WAITING, State.FAILED, State.BLOCKED, State.BROKEN):
        yield f"it runs {revision} and is said to be {status.state.value}"


def _task(world: World) -> Iterator[str]:
    there, declared = world.engine.owned(TASK), world.papers.understood(TASK)
    if declared is None:
        if there and not world.papers.is_broken(TASK):
            yield f"nothing declares it, and there is {shown(there)}"
        return
    if [one for one in there if one.engine_name != TASK or one.state in RUNNING]:
        yield f"left over: {shown(there)}"
    if (declared.revision,) not in world.engine.ran and TASK not in world.guard.touched:
        yield f"{declared.revision} has not been run"
    status = world.snapshot.plan.statuses.get(TASK)
    told = {State.SUCCEEDED} if declared.revision.well else {State.FAILED}
    if TASK in world.guard.touched:
        told = {State.SUCCEEDED, State.FAILED}
    if status and status.state not in told | {State.BROKEN}:
        yield f"it is {status.state.value}"


def _exec(world: World) -> Iterator[str]:
    declared = world.papers.understood(EXEC)
    target = next((one for one in world.engine.owned(TARGET) if one.engine_name == TARGET), None)
    if declared is None or target is None or target.state is not ContainerState.RUNNING:
        return
    if revision_of(target).kind in ("loops", "loops late"):
        return
    if (declared.revision, revision_of(target)) not in world.engine.ran:
        yield f"{declared.revision} has not been run in {revision_of(target)}"


def shown(containers: list[FakeContainer]) -> str:
    return ", ".join(f"{one.engine_name} ({revision_of(one)}, {one.state.value})" for one in containers)
