"""How long the loop rests between two passes, and whether it has to look after it."""

import asyncio

import pytest

from paunchd.reconcile.wakes import AFTER_CHANGE_SECONDS, Wakes

SHORTEST, GAP, LONGEST = 0.5, 2.0, 10.0

pytestmark = pytest.mark.looptime


async def rested(wakes):
    """Rest once, and say for how long and whether a look is due; the first wake, which every daemon begins with, is
    behind it.
    """
    began = asyncio.get_running_loop().time()
    await wakes.rest(SHORTEST, GAP, LONGEST)
    return pytest.approx(asyncio.get_running_loop().time() - began), wakes.stale


@pytest.fixture
async def wakes():
    made = Wakes()
    await made.rest(0, 0, 0)
    made.stale = False
    return made


@pytest.mark.parametrize("last", [False, True])
async def test_the_end_of_a_lane_cuts_a_rest_short_and_asks_for_no_look(wakes, last):
    """While others are in flight it rests at least the shortest time."""
    wakes.lane_ended(last=last)
    assert await rested(wakes) == (0.0 if last else SHORTEST, False)


async def test_lanes_that_have_just_begun_are_left_their_time(wakes):
    """The end that came before them was the last one then, and is not any more."""
    wakes.lane_ended(last=True)
    wakes.lane_began()
    assert await rested(wakes) == (SHORTEST, False)


async def test_a_change_is_looked_at_after_the_gap_and_once_more(wakes):
    """However many there are meanwhile; and where nothing happens for long it is time to look as well."""
    wakes.look_twice()
    wakes.look_twice()
    assert await rested(wakes) == (GAP, True)
    wakes.stale = False
    assert await rested(wakes) == (GAP + LONGEST, True)


async def test_the_second_look_comes_soon(wakes):
    """The engine's list is late by less."""
    wakes.look_twice()
    await wakes.rest(0, 0, LONGEST)
    wakes.stale = False
    began = asyncio.get_running_loop().time()
    await wakes.rest(0, 0, LONGEST)
    assert asyncio.get_running_loop().time() - began == pytest.approx(AFTER_CHANGE_SECONDS)
    assert wakes.stale
