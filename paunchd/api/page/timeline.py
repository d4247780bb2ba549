"""Rollouts and rollbacks on a line of time, one row a name.

Pure: from the node's newest events to places in a picture.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from paunchd.api.revisions import NamedEventView
from paunchd.wording import short

#: What is drawn, and in which colour; the rest of a story is for the list.
MARKS: Mapping[str, str] = {
    "new": "rollout",
    "config-changed": "rollout",
    "switch": "rollout",
    "accepted": "accepted",
    "rejected": "rejected",
    "rollback": "rollback",
    "succeeded": "accepted",
    "failed": "rejected",
    "asked to roll back": "asked",
    "asked to restart": "asked",
    "asked to retry": "asked",
}
SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(days=1)
_STEPS = (60, 300, 900, 3600, 3 * 3600, 6 * 3600)
_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """*place* is a share of the width, 0 to 100."""

    name: str
    place: float
    kind: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """*ticks* are places with their time; *rows* have the name with the newest mark first."""

    since: datetime
    until: datetime
    ticks: tuple[tuple[float, datetime], ...]
    rows: tuple[Row, ...]

    @property
    def newest(self) -> list[Mark]:
        """Every mark, newest first."""
        return sorted((mark for row in self.rows for mark in row.marks), key=lambda mark: mark.at, reverse=True)


def timeline(events: Sequence[NamedEventView], now: datetime) -> Timeline | None:
    """Lay out *events*, newest first; ``None`` where nothing of the last day is to be drawn."""
    drawn = [event for event in events if event.event in MARKS and now - event.at <= LONGEST]
    if not drawn:
        return None
    since = min(now - SHORTEST, *(event.at for event in drawn))
    since -= (now - since) * 0.02
    names = dict.fromkeys(event.name for event in drawn)

    def place(at: datetime) -> float:
        return round(100 * ((at - since) / (now - since)), 2)

    def row(name: str) -> Row:
        return Row(name, tuple(_mark(event, place(event.at)) for event in reversed(drawn) if event.name == name))

    ticks = tuple((place(at), at) for at in _ticks(since, now))
    return Timeline(since, now, ticks, tuple(row(name) for name in names))


def _mark(event: NamedEventView, place: float) -> Mark:
    told = f"{event.event} {event.image or short(event.hash)}".strip()
    return Mark(event.name, place, MARKS[event.event], event.at, f"{told}: {event.detail}" if event.detail else told)


def _ticks(since: datetime, until: datetime) -> Iterable[datetime]:
    """Round moments, in the zone of *until*, no more than fit."""
    span = (until - since).total_seconds()
    step = next((step for step in _STEPS if span / step <= _MOST_TICKS), _STEPS[-1])
    second = int(since.timestamp() // step + 1) * step
    while second < until.timestamp():
        yield datetime.fromtimestamp(second, until.tzinfo)
        second += step
