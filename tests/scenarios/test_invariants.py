"""What is asked of a story is asked rightly: of made-up ones, without an engine."""

import pytest

from tests.functional.engine_side import Happening
from tests.functional.invariants import lost


def told(*events):
    """A story of one name from (moment, action, id, revision)."""
    return [Happening(at, action, id_, "web", {"io.paunchd.hash": revision}) for at, action, id_, revision in events]


OLD = (1, "create", "old", "A")
OLD_GONE = (20, "destroy", "old", "A")


@pytest.mark.parametrize(
    ("story", "accepted", "missed"),
    [
        (told(OLD, OLD_GONE), [(5, "A")], ["old"]),
        (told(OLD, (6, "create", "new", "B"), OLD_GONE), [(5, "A")], ["old"]),
        (told(OLD, (6, "create", "new", "B"), OLD_GONE), [(5, "A"), (10, "B")], []),
        (told(OLD, (6, "create", "again", "A"), OLD_GONE), [(5, "A")], []),
        (told(OLD, OLD_GONE), [(5, "A"), (30, "B")], ["old"]),
        (told(OLD, OLD_GONE, (25, "create", "again", "A")), [(5, "A"), (10, "B"), (40, "A")], []),
    ],
    ids=["nothing follows", "follower not good yet", "follower good", "another of it", "too early", "good once more"],
)
def test_the_good_one_is_lost_when_nothing_good_has_followed(story, accepted, missed):
    """Its removal is one too many unless another revision was good by then, or another container was at the same."""
    assert [life.id for life in lost(story, accepted)] == missed
