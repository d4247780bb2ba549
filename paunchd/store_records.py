"""What the store's rows mean: the records of a rollout, and specs and items as text.

Works inside a transaction that ``store`` has begun; ends none.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from paunchd.reconcile.model import Item, Past, Read, Restart, Result, Revision
from paunchd.spec import ContainerSpec, dump, load

REVISIONS_KEPT = 10

T = TypeVar("T")
Select = Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]


@dataclass(slots=True)
class Change:
    """One transaction about one name. *past* is what is remembered before it, and what is set on it, after it."""

    _connection: sqlite3.Connection
    past: Past

    def execute(self, statement: str, values: tuple[object, ...]) -> None:
        self._connection.execute(statement, values)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A revision that failed, why, and what an operator wants to see of it."""

    revision: str
    cause: str
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a name's story: what was begun, or asked for (by the user of *uid*), and why."""

    name: str
    event: str
    revision: str = ""
    image: str = ""
    detail: str = ""
    uid: int | None = None


def join_alike(connection: sqlite3.Connection, number: int) -> None:
    """What is tried again for hours must not drive everything else out of a story that is kept by its length."""
    before = connection.execute(
        "SELECT old.id, old.times, coalesce(old.first_at, old.at) FROM events AS new JOIN events AS old ON old.id ="
        " (SELECT max(id) FROM events WHERE name = new.name AND id < new.id) WHERE new.id = ?"
        " AND (old.event, old.outcome, old.hash, old.image, old.detail)"
        " = (new.event, new.outcome, new.hash, new.image, new.detail)",
        (number,),
    ).fetchone()
    if before:
        old, times, first_at = before
        connection.execute("DELETE FROM events WHERE id = ?", (old,))
        connection.execute("UPDATE events SET times = ?, first_at = ? WHERE id = ?", (times + 1, first_at, number))


def accept(change: Change, name: str, revision: Revision, at: float) -> None:
    """What was good before stays known, so that a person can still go back to it. *at*: one moment for a group."""
    past = change.past
    before = past.good if past.good and past.good.hash != revision.hash else past.before
    change.execute(
        "UPDATE names SET good_hash = ?, good_spec = ?, good_at = ?, before_hash = ?, before_spec = ?, known = 1"
        " WHERE name = ?",
        (revision.hash, dumped(revision), at, before.hash if before else None, dumped(before), name),
    )
    change.execute("DELETE FROM rejected WHERE name = ? AND hash = ?", (name, revision.hash))
    rejected = {key: cause for key, cause in past.rejected.items() if key != revision.hash}
    change.past = replace(past, known=True, good=revision, good_at=at, before=before, rejected=rejected)


def reject(change: Change, name: str, rejection: Rejection) -> None:
    row = (name, rejection.revision, rejection.cause, json.dumps(dict(rejection.evidence)), time.time())
    change.execute("INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?, ?)", row)
    change.execute("UPDATE names SET last_error = ?, known = 1 WHERE name = ?", (rejection.cause, name))
    rejected, dropped = with_newest(change.past.rejected, rejection.revision, rejection.cause)
    for revision in dropped:
        change.execute("DELETE FROM rejected WHERE name = ? AND hash = ?", (name, revision))
    change.past = replace(change.past, known=True, rejected=rejected, last_error=rejection.cause)


def with_newest(entries: Mapping[str, T], key: str, value: T) -> tuple[dict[str, T], list[str]]:
    """*entries*, oldest first, with *key* as the newest; beyond ``REVISIONS_KEPT`` the oldest go, and are returned."""
    ordered = {**{other: entry for other, entry in entries.items() if other != key}, key: value}
    dropped = list(ordered)[:-REVISIONS_KEPT]
    return {other: entry for other, entry in ordered.items() if other not in dropped}, dropped


def roll_back(change: Change, name: str, desired: str, cause: str) -> bool:
    """Return whether there is a good revision but *desired*; only then is anything changed."""
    good, before = change.past.good, change.past.before
    if good is None or (good.hash == desired and before is None):
        return False
    if desired in change.past.rejected:
        return True  # it is held already, and what was kept of its failure stays
    if good.hash == desired and before is not None:
        accept(change, name, before, time.time())
        change.execute("UPDATE names SET before_hash = NULL, before_spec = NULL WHERE name = ?", (name,))
        change.past = replace(change.past, before=None)
    reject(change, name, Rejection(desired, cause))
    return True


def names_of(select: Select) -> dict[str, Past]:
    """All that is remembered of every name; *select* runs a query."""
    names: dict[str, Past] = {}
    columns = (
        "name, known, step, start_order, good_hash, good_spec, good_at, before_hash, before_spec, hold, last_error,"
        " restart_id, restart_started_at"
    )
    for row in select(f"SELECT {columns} FROM names", ()):  # noqa: S608 - our own words
        names[row[0]] = past_of(row[1:])
    for name, revision, cause in select("SELECT name, hash, cause FROM rejected ORDER BY at", ()):
        past = names.get(name, Past())
        names[name] = replace(past, rejected={**past.rejected, revision: cause})
    query = "SELECT name, key, succeeded, exit_code, cause, attempts, container_id FROM results ORDER BY at"
    for name, key, succeeded, *rest in select(query, ()):
        past = names.get(name, Past())
        names[name] = replace(past, results={**past.results, key: Result(bool(succeeded), *rest)})
    for name, container_id, digest, files in select("SELECT * FROM read", ()):
        names[name] = replace(names.get(name, Past()), read=Read(container_id, digest, json.loads(files)))
    return names


def past_of(row: tuple[Any, ...]) -> Past:
    """What a row of ``names`` says; its rejected revisions and results stand elsewhere."""
    known, step, start_order, good, good_spec, at, before, before_spec, hold, error, restart_id, started_at = row
    return Past(
        known=bool(known),
        rank=(step, start_order),
        good=Revision(good, spec_of(good_spec)) if good else None,
        good_at=at,
        before=Revision(before, spec_of(before_spec)) if before else None,
        hold=bool(hold),
        restart=Restart(restart_id, started_at) if restart_id else None,
        last_error=error,
    )


def dumped(revision: Revision | None) -> str | None:
    return dump(revision.spec) if revision and revision.spec else None


def spec_of(text: str | None) -> ContainerSpec | None:
    """A spec this version can no longer read is one we do not know: its hash still counts."""
    try:
        return load(text) if text else None
    except ValueError:
        return None


def item_text(item: Item) -> str:
    """*item* as it was declared; what a pass finds out of its image is none of it."""
    declared = {key: value for key, value in asdict(item).items() if key != "image"}
    return json.dumps(declared | {"spec": dump(item.spec)})


def item_of(text: str) -> Item | None:
    try:
        fields = json.loads(text)
        return Item(**{**fields, "spec": load(fields["spec"])})
    except (TypeError, ValueError, KeyError):
        return None
