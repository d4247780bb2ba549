"""Generated histories of a node, told to the real daemon on a fake engine in simulated time.

``make test-histories`` takes thousands of them; without it a few are taken. What fails is printed as the shortest
history that does, in sentences, with every call there was.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import looptime
import pytest
import structlog
from hypothesis import HealthCheck, given, note, settings

from paunchd.reconcile.record import LONGEST_SECONDS
from tests.histories.actions import Moment
from tests.histories.drawing import histories
from tests.histories.engine import revision_of
from tests.histories.known import HISTORIES as KNOWN
from tests.histories.oracle import differences
from tests.histories.revisions import CONTAINERS, NAMES, NEIGHBOUR, SECRET
from tests.histories.world import World, simulated

DRAWN = "PAUNCHD_HISTORIES" in os.environ
COUNT = int(os.environ.get("PAUNCHD_HISTORIES", "200"))
IN_MEMORY = Path("/dev/shm")
AFTERMATH_SECONDS = 30
PATIENCE_SECONDS = 900
STAYS_SECONDS = 90
SHAKY = ("loops", "loops late", "unstartable", "refused")

pytestmark = pytest.mark.timeout(0)  # every wait is simulated, so that nothing here can hang but by a defect of its own


async def play(world, moments):
    world.begin()
    await asyncio.sleep(5)
    world.guard.watch_neighbour()
    for moment in moments:
        await asyncio.sleep(moment.after)
        world.tell(f"{moment.action}")
        await moment.action.happen(world)
        assert world.guard.violations == []
    await asyncio.sleep(AFTERMATH_SECONDS)  # what happened last is met with before it is taken back
    await world.is_alive()
    world.calm()
    for name in CONTAINERS:
        world.daemon.store.set_hold(name, hold=False)
    await comes_to_rest(world)
    await stays_at_rest(world)
    await survives_a_lost_store(world)


async def comes_to_rest(world):
    """I4: in bounded time all is as it must be, and nothing is left to do; a pause between two tries is no rest."""
    before, unchanged = None, 0
    for _ in range(PATIENCE_SECONDS):
        await asyncio.sleep(1)
        assert world.guard.violations == []
        now = None if differences(world) else fixed(world)
        unchanged = unchanged + 1 if now is not None and now == before else 0
        before = now
        if unchanged > LONGEST_SECONDS:
            return
    pytest.fail(f"it has not come to rest: {differences(world) or 'it changes again and again'}")


async def stays_at_rest(world):
    """What is at rest is not touched again."""
    before = fixed(world)
    await asyncio.sleep(STAYS_SECONDS)
    assert world.guard.violations == []
    assert fixed(world) == before, "this was no fixed point"
    assert SECRET not in str(world.snapshot.plan)
    assert SECRET.encode() not in world.daemon.metrics.text()
    assert SECRET not in str([world.daemon.store.events(name) for name in NAMES])


async def survives_a_lost_store(world):
    """I6: without its memory a new daemon changes nothing that runs as it is declared."""
    kept = {name: seen for name, seen in fixed(world).items() if runs_as_declared(world, name)}
    await world.reborn(without_store=True)
    await asyncio.sleep(STAYS_SECONDS)
    assert world.guard.violations == []
    now = fixed(world)
    assert {name: now.get(name) for name in kept} == kept, "a lost store changed what ran"


def runs_as_declared(world, name):
    declared = world.papers.understood(name)
    live = [one for one in world.engine.owned(name) if one.engine_name == name]
    return bool(live and declared and revision_of(live[0]) == declared.revision and name in (*CONTAINERS, NEIGHBOUR))


def fixed(world):
    """What must not change any more: every container, and its start where nothing but us would start it again."""
    return {
        name: sorted(
            (one.id, one.engine_name, "" if revision_of(one).kind in SHAKY else one.started_at)
            for one in world.engine.owned(name)
        )
        for name in NAMES
    }


def lived(moments: list[Moment], tell: Callable[[str], None] = print) -> None:
    """Play *moments* on a new node, in an event loop of its own."""
    with (
        tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as base,
        pytest.MonkeyPatch.context() as patch,
        asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(start=1000.0, noop_cycles=1)) as runner,
    ):
        runner.run(_lived(moments, Path(base), patch, tell))


async def _lived(moments, base, patch, tell):
    world = World(base)
    simulated(patch, world)
    try:
        await play(world, moments)
    except BaseException:
        tell("\n".join(world.story))
        raise
    finally:
        await world.end()
        structlog.reset_defaults()


@pytest.mark.parametrize("moments", KNOWN.values(), ids=KNOWN.keys())
def test_a_known_history_ends_as_declared_or_rolled_back_and_loses_nothing_on_the_way(moments):
    """What everybody would think of first holds as everything else does, without luck in drawing."""
    lived(moments)


@settings(
    max_examples=COUNT,
    deadline=None,
    print_blob=True,
    derandomize=not DRAWN,  # `make test` is to tell of what has changed, `make test-histories` of what nobody knows
    suppress_health_check=[HealthCheck.too_slow],
)
@given(histories())
def test_every_history_ends_as_declared_or_rolled_back_and_loses_nothing_on_the_way(moments):
    """Whatever is declared, fails, hangs, dies or is meddled with: I1 to I6 hold at every call, and once it is calm the
    node comes to rest where what was declared and proven says (S-01 to S-18, S-21).
    """
    lived(moments, note)
