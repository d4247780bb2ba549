"""Rollouts and rollbacks are laid out on a line of time, one row a name."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paunchd.api.page.timeline import MARKS, timeline
from paunchd.api.revisions import NamedEventView

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(name, what, minutes, **fields):
    return NamedEventView(name=name, event=what, at=NOW - timedelta(minutes=minutes), **fields)


def test_a_row_a_name_the_newest_first_and_its_marks_in_order():
    """Older marks stand to the left of newer ones."""
    events = [event("db", "new", 1), event("web", "rejected", 5, detail="oom"), event("web", "new", 20, image="a:1")]
    made = timeline(events, NOW)
    assert [row.name for row in made.rows] == ["db", "web"]
    (began, ended) = made.rows[1].marks
    assert (began.kind, ended.kind) == ("rollout", "rejected")
    assert began.place < ended.place < made.rows[0].marks[0].place
    assert (began.text, ended.text) == ("new a:1", "rejected: oom")
    assert [mark.name for mark in made.newest] == ["db", "web", "web"]


@pytest.mark.parametrize("events", [[], [event("web", "left-over", 1)], [event("web", "new", 25 * 60)]])
def test_where_nothing_is_to_be_drawn_there_is_no_picture(events):
    """Upkeep is no rollout, and what is older than a day is history."""
    assert timeline(events, NOW) is None


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(sorted(MARKS)), st.floats(0, 1439)), min_size=1))
def test_everything_drawn_stands_in_the_picture(rows):
    """Whatever happened when: marks and ticks are within the width, and there is a handful of ticks at most."""
    made = timeline([event(*row) for row in sorted(rows, key=lambda row: row[2])], NOW)
    marks = [mark for row in made.rows for mark in row.marks]
    assert len(marks) == len(rows)
    assert all(0 <= mark.place <= 100 for mark in marks)
    assert all(0 <= place <= 100 for place, _ in made.ticks)
    assert len(made.ticks) <= 7
    assert made.since < made.until
