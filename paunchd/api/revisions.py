"""The revisions of a name: which there were, what became of each, and who asked for it.

Pure: from the rows of its story and the newest snapshot.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import field_validator

from paunchd.api.views import View
from paunchd.reconcile.model import Item, Past, Snapshot

Verdict = Literal["good", "before", "rejected", "on trial", "earlier", "succeeded", "failed"]


class EventView(View):
    """One thing that happened; whatever else is remembered of it stays inside. *uid*: whose request it was.

    The same again and again is one event: *at* is when it last happened, *first_at* when it first did.
    """

    at: datetime
    first_at: datetime | None = None
    times: int = 1
    event: str
    outcome: str = ""
    seconds: float | None = None
    hash: str = ""
    image: str = ""
    detail: str = ""
    uid: int | None = None

    @field_validator("at", "first_at")
    @classmethod
    def _whole_seconds(cls, at: datetime | None) -> datetime | None:
        return at and at.replace(microsecond=0)


class NamedEventView(EventView):
    name: str


class NodeHistoryView(View):
    """What happened last, to whomever, newest first."""

    history: list[NamedEventView]


class RevisionView(View):
    """*good*: proven, and what is returned to; *before*: what was good before it; *earlier*: of neither any more.

    Of a task or an exec its newest run tells.
    *at* is when its story begins, *verdict_at* when it was last accepted or rejected. *uid*: who rejected it by hand.
    """

    hash: str
    image: str
    verdict: Verdict
    cause: str
    at: datetime
    verdict_at: datetime | None
    uid: int | None
    declared: bool
    running: bool


class HistoryView(View):
    name: str
    revisions: list[RevisionView]
    history: list[EventView]


def history_view(snapshot: Snapshot, name: str, rows: Sequence[Mapping[str, object]]) -> HistoryView:
    """Tell the story of *name*, newest first; *rows* are the store's, in that order."""
    events = [EventView.model_validate(row) for row in rows]
    hashes = dict.fromkeys(event.hash for event in events if event.hash)
    item, live = snapshot.desired.items.get(name), snapshot.observed.of(name).live
    past, running = snapshot.history.of(name), live.hash if live and live.running else ""
    revisions = [_revision([event for event in events if event.hash == hash_], item, past, running) for hash_ in hashes]
    return HistoryView(name=name, revisions=revisions, history=events)


def _revision(events: Sequence[EventView], item: Item | None, past: Past, running: str) -> RevisionView:
    """*events* are those of one revision, newest first."""
    hash_ = events[0].hash
    judged = [event for event in events if event.event in ("accepted", "rejected")]
    asked = [event for event in events if event.uid is not None]
    return RevisionView(
        hash=hash_,
        image=next((event.image for event in events if event.image), ""),
        verdict=_verdict(hash_, item, past),
        cause=past.rejected.get(hash_, ""),
        at=events[-1].first_at or events[-1].at,
        verdict_at=judged[0].at if judged else None,
        uid=asked[0].uid if asked else None,
        declared=item is not None and item.hash == hash_,
        running=hash_ == running,
    )


def _verdict(hash_: str, item: Item | None, past: Past) -> Verdict:
    runs = [result for key, result in past.results.items() if key.partition("@")[0] == hash_]
    if runs:
        return "succeeded" if runs[-1].succeeded else "failed"
    if hash_ in past.rejected:
        return "rejected"
    if past.good and past.good.hash == hash_:
        return "good"
    if past.before and past.before.hash == hash_:
        return "before"
    return "on trial" if item and item.hash == hash_ else "earlier"
