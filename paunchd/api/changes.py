"""What has changed between two snapshots, as the events that people and pages follow.

Pure. Nothing else tells events: whoever reads the snapshots in between could have seen each of them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from paunchd import readings
from paunchd.api.views import View
from paunchd.reconcile.model import Lane, Past, Snapshot, State


class Told(View):
    at: datetime | None = Field(default=None, description="When it was told; in every event that is sent.")


class NodeChanged(Told):
    """The node as a whole: another generation, engine or directory gone or back, everything settled or not."""

    kind: Literal["node"] = "node"
    generation: int
    observed_generation: int
    engine: str
    source: str
    settled: bool


class StateChanged(Told):
    """A name is in another state, or for another reason. *was* is null for a name that is new."""

    kind: Literal["state"] = "state"
    name: str
    config_id: str | None
    state: State
    was: State | None
    reason: str
    settled: bool
    blocked_by: list[str]


class NameGone(Told):
    """Neither declared nor there any more."""

    kind: Literal["gone"] = "gone"
    name: str
    was: State


class LaneBegan(Told):
    kind: Literal["lane-began"] = "lane-began"
    name: str
    reason: str
    steps: list[str]


class LaneEnded(Told):
    """However it ended: the name's next state tells."""

    kind: Literal["lane-ended"] = "lane-ended"
    name: str
    reason: str


class RevisionAccepted(Told):
    kind: Literal["accepted"] = "accepted"
    name: str
    revision: str


class RevisionRejected(Told):
    kind: Literal["rejected"] = "rejected"
    name: str
    revision: str
    cause: str


class RunEnded(Told):
    """A task or an exec has run to its end."""

    kind: Literal["result"] = "result"
    name: str
    revision: str
    succeeded: bool
    exit_code: int
    cause: str


class HoldChanged(Told):
    kind: Literal["hold"] = "hold"
    name: str
    hold: bool


NamedChange = (
    StateChanged | NameGone | LaneBegan | LaneEnded | RevisionAccepted | RevisionRejected | RunEnded | HoldChanged
)
Change = Annotated[NodeChanged | NamedChange, Field(discriminator="kind")]


def changes(before: Snapshot, after: Snapshot) -> Iterator[NodeChanged | NamedChange]:
    """Tell what *after* has that *before* had not: of each name its lanes and records first, then its state."""
    node = _node(after)
    if node != _node(before):
        yield node
    there = after.plan.statuses.keys()
    for name in sorted(there | before.plan.statuses.keys()):
        if _is_as_it_was(name, before, after):
            continue
        yield from _lanes(name, before.in_flight.get(name), after.in_flight.get(name))
        yield from _records(name, before.history.of(name), after.history.of(name))
        yield from _state(name, before, after) if name in there else _gone(name, before)


def _is_as_it_was(name: str, before: Snapshot, after: Snapshot) -> bool:
    """Most names are, at most passes: these are looked at no further."""
    return (
        before.plan.statuses.get(name) == after.plan.statuses.get(name)
        and before.engine == after.engine
        and before.in_flight.get(name) is after.in_flight.get(name)
        and before.history.names.get(name) is after.history.names.get(name)
    )


def _node(snapshot: Snapshot) -> NodeChanged:
    return NodeChanged(
        generation=snapshot.desired.generation,
        observed_generation=snapshot.observed_generation,
        engine=snapshot.engine,
        source=snapshot.desired.degraded or "ok",
        settled=snapshot.settled,
    )


def _state(name: str, before: Snapshot, after: Snapshot) -> Iterator[StateChanged]:
    status, known = readings.status_of(after, name), name in before.plan.statuses
    old = readings.status_of(before, name) if known else None
    settled = readings.is_settled(after, name)
    told = (status.state, status.reason, status.blocked_by, settled)
    if old and told == (old.state, old.reason, old.blocked_by, readings.is_settled(before, name)):
        return
    yield StateChanged(
        name=name,
        config_id=readings.config_of(after, name),
        state=status.state,
        was=old.state if old else None,
        reason=status.reason,
        settled=settled,
        blocked_by=list(status.blocked_by),
    )


def _gone(name: str, before: Snapshot) -> Iterable[NameGone]:
    return [NameGone(name=name, was=readings.state_of(before, name))]


def _lanes(name: str, old: Lane | None, new: Lane | None) -> Iterator[LaneEnded | LaneBegan]:
    if old is new:
        return
    if old:
        yield LaneEnded(name=name, reason=str(old.reason))
    if new:
        yield LaneBegan(name=name, reason=str(new.reason), steps=[str(step) for step in new.steps])


def _records(name: str, old: Past, new: Past) -> Iterator[RevisionAccepted | RevisionRejected | RunEnded | HoldChanged]:
    if new.good and (old.good is None or old.good.hash != new.good.hash):
        yield RevisionAccepted(name=name, revision=new.good.hash)
    for revision in new.rejected.keys() - old.rejected.keys():
        yield RevisionRejected(name=name, revision=revision, cause=new.rejected[revision])
    for revision, result in new.results.items():
        earlier = old.results.get(revision)
        if result.attempts and (earlier is None or result.attempts > earlier.attempts):
            yield RunEnded(
                name=name,
                revision=revision,
                succeeded=result.succeeded,
                exit_code=result.exit_code,
                cause=result.cause,
            )
    if old.hold != new.hold:
        yield HoldChanged(name=name, hold=new.hold)
