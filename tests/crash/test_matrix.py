"""kill -9 around every call to the engine and every write to the store: the next daemon ends where it should.

``make test-crash`` takes every point of every story, and with each a second one that the seed decides; without it a few
are taken, which the seed decides as well.
"""

import pytest

from tests.crash.plan import FULL, SEED, TAKEN, chosen_pairs, chosen_points, chosen_stories

pytestmark = [pytest.mark.engine, pytest.mark.timeout(7200 if FULL else 900)]
SHOWN = 3
CASES = [
    pytest.param(story, id=story.name if FULL else f"{story.name} (PAUNCHD_CRASH_SEED={SEED})")
    for story in chosen_stories()
]


@pytest.mark.parametrize("story", CASES)
def test_s01_s02_a_daemon_that_is_killed_anywhere_ends_where_it_should(matrix, story):
    """Killed before or after any call or write of a story, the next daemon reaches its end: the good container is not
    lost, nothing runs twice, nothing is left over, and nobody else is touched (S-01, S-02, S-04; I1 to I4, I6).
    """
    tell(matrix.take(story, lambda points: chosen_points(story, points)))


@pytest.mark.parametrize("story", CASES)
def test_s01_a_daemon_that_is_killed_again_while_it_takes_up_ends_where_it_should(matrix, story):
    """A second kill, in the life of the daemon that found what the first left, changes nothing of that (S-01)."""
    tell(matrix.take(story, lambda points: chosen_pairs(story, points)), "twice ")


def tell(report, how=""):
    """Keep *report* for the summary, and fail where a point has."""
    report.story = f"{how}{report.story}"
    TAKEN.append(report)
    print(f"\n{report}", *report.missed, sep="\n  ")
    if report.failures:
        pytest.fail("\n".join([str(report), *report.failures[:SHOWN]]), pytrace=False)
