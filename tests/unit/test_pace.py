"""How long a loop leaves everybody alone between two passes."""

import pytest

from paunchd.reconcile.parts import Pace

PACE = Pace(resync_seconds=10, slow_resync_seconds=300, lanes=4)


@pytest.mark.parametrize(
    ("pass_seconds", "busy", "gap"),
    [
        (0.0, False, 0.02),
        (0.001, True, 0.02),
        (0.1, False, 0.1),
        (0.1, True, 0.2),
        (5.0, False, 0.2),
        (5.0, True, 1.0),
    ],
)
def test_a_gap_is_as_long_as_its_pass_and_longer_while_lanes_are_in_flight(pass_seconds, busy, gap):
    """Never shorter than what a storm of events is held to, never so long that something waits noticeably."""
    assert PACE.gap_after(pass_seconds, busy=busy) == gap
