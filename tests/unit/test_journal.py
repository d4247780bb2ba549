"""The journal keeps the newest events in order, and a reader goes on where it was."""

import asyncio
from datetime import UTC, datetime

import pytest

from paunchd.api.changes import HoldChanged
from paunchd.api.journal import Journal

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def events(*names):
    return [HoldChanged(name=name, hold=True) for name in names]


def names(entries):
    return [entry.change.name for entry in entries]


@pytest.fixture
def journal():
    """Three events in a journal that keeps four."""
    made = Journal(kept=4)
    made.add(events("a", "b", "c"), AT)
    return made


@pytest.mark.parametrize(("place", "following"), [(0, "abc"), (1, "bc"), (3, "")])
def test_a_reader_gets_what_came_after_its_place(journal, place, following):
    """Oldest first, each once."""
    assert names(journal.after(place)) == list(following)


def test_a_reader_that_was_too_slow_is_told_so(journal):
    """What is no longer kept cannot be made up for: whoever has missed it must look at everything anew."""
    journal.add(events("d", "e"), AT)
    assert not journal.is_kept_after(0)
    assert names(journal.after(1)) == ["b", "c", "d", "e"]


def test_an_id_leads_back_to_its_place(journal):
    """Every place up to the newest can be gone on from, the beginning as well."""
    for number in range(4):
        assert journal.number_of(journal.id_of(number)) == number


@pytest.mark.parametrize("told", ["", "7", "-1", "other-1", "{0}-", "{0}-4", "{0}-x", "{0}-²", "{0}--1"])
def test_an_id_of_nowhere_leads_nowhere(journal, told):
    """Of another daemon, not made yet, or made up."""
    assert journal.number_of(told.format(journal.id_of(0).rpartition("-")[0])) is None


def test_an_id_too_old_leads_nowhere(journal):
    """Its followers have been dropped."""
    journal.add(events("d", "e", "f"), AT)
    assert journal.number_of(journal.id_of(1)) is None
    assert journal.number_of(journal.id_of(2)) == 2


async def test_a_reader_waits_for_what_comes(journal):
    """Something new wakes everyone who waits; nothing new wakes nobody."""
    waiting = [asyncio.create_task(journal.grows(3)) for _ in range(2)]
    await asyncio.sleep(0)
    journal.add([], AT)
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    journal.add(events("d"), AT)
    await asyncio.gather(*waiting)
    await journal.grows(3)
