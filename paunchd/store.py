"""What the engine cannot tell: good and rejected revisions, results, holds, and the story of each name for people.

Memory, not truth: lose it and nothing that runs is touched. Synchronous and safe to call from any thread; call it off
the event loop. Every write is in the file before the copy in memory changes. Anything the disk refuses is a
``StoreError``, and then neither has changed.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from paunchd import store_records as records
from paunchd.errors import StoreError
from paunchd.reconcile.model import Item, Past, Read, Restart, Result, Revision
from paunchd.store_records import Change, Event, Rejection
from paunchd.store_schema import open_store

EVENTS_KEPT = 200
STORY_KEPT_SECONDS = 30 * 24 * 3600.0  # of a name that is gone; of the others it stays
_EVENT = ("at", "first_at", "times", "event", "outcome", "seconds", "hash", "image", "detail", "uid")
OUTPUT_BYTES = 64 * 1024


class Store:
    """One file, opened at once or, where that fails, by whatever needs it later; until then nothing is remembered.

    *on_refused* hears of each write that is, *on_moved_aside* where an unusable earlier file went.
    """

    def __init__(
        self,
        path: Path,
        on_refused: Callable[[], None] = lambda: None,
        on_moved_aside: Callable[[Path], None] = lambda _: None,
    ) -> None:
        self._path = path
        self._on_refused = on_refused
        self._on_moved_aside = on_moved_aside
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._names: dict[str, Past] = {}
        self._definitions: dict[str, Item] = {}
        with suppress(StoreError):
            self._opened()

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()

    # --- reading --------------------------------------------------------------------------------------------------

    def names(self) -> Mapping[str, Past]:
        """What is remembered of every name; the memory-only fields are empty. Never waits for the disk."""
        return self._names

    def events(self, name: str) -> list[dict[str, Any]]:
        """The story of *name*, newest first."""
        query = f"SELECT {', '.join(_EVENT)} FROM events WHERE name = ? ORDER BY id DESC"  # noqa: S608 - our own words
        return [dict(zip(_EVENT, row, strict=True)) for row in self._select(query, (name,))]

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The newest *limit* lines of all stories together, newest first; each with its *name*."""
        query = f"SELECT name, {', '.join(_EVENT)} FROM events ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own words
        return [dict(zip(("name", *_EVENT), row, strict=True)) for row in self._select(query, (limit,))]

    def evidence(self, name: str) -> list[dict[str, Any]]:
        """What was kept of each rejected revision of *name*."""
        rows = self._select("SELECT hash, cause, evidence, at FROM rejected WHERE name = ? ORDER BY at", (name,))
        return [{"hash": h, "cause": c, **json.loads(evidence), "at": at} for h, c, evidence, at in rows]

    def outputs(self, name: str) -> list[dict[str, Any]]:
        """What the runs of the task or exec *name* printed, newest first."""
        rows = self._select("SELECT key, output, at FROM results WHERE name = ? ORDER BY at DESC", (name,))
        return [{"key": key, "output": output, "at": at} for key, output, at in rows]

    # --- writing --------------------------------------------------------------------------------------------------

    def begin(self, name: str, rank: tuple[int, int]) -> None:
        """Remember that *name* exists, before anything is made for it."""
        past = self._names.get(name, Past())
        if past.known and past.rank == rank:
            return
        with self._changing(name) as change:
            change.execute("UPDATE names SET step = ?, start_order = ?, known = 1 WHERE name = ?", (*rank, name))
            change.past = replace(change.past, known=True, rank=rank)

    def accept(self, name: str, revision: Revision) -> None:
        """*revision* is the good one from now on; if it had been rejected, that is taken back."""
        self.accept_together({name: revision})

    def accept_together(self, revisions: Mapping[str, Revision]) -> None:
        """The same for several names, all or none of them."""
        with self._changing_all(revisions) as changes:
            now = time.time()
            for name, revision in revisions.items():
                records.accept(changes[name], name, revision, now)

    def respec(self, name: str, revision: Revision) -> None:
        """More is known of the good revision, or what is not hashed of it is written otherwise now; it is the same."""
        with self._changing(name) as change:
            row = (revision.hash, records.dumped(revision), name)
            change.execute("UPDATE names SET good_hash = ?, good_spec = ? WHERE name = ?", row)
            change.past = replace(change.past, good=revision)

    def reject(self, name: str, rejection: Rejection) -> None:
        self.reject_together({name: rejection})

    def reject_together(self, rejections: Mapping[str, Rejection]) -> None:
        """Reject a revision of each name, all or none of them."""
        with self._changing_all(rejections) as changes:
            for name, rejection in rejections.items():
                records.reject(changes[name], name, rejection)

    def roll_back(self, desired: Mapping[str, str], cause: str) -> list[str]:
        """Reject the *desired* revision of each name because a person asked; where it was good, the one before it is
        good again. All or none of it is remembered.

        Return the names that have something to return to; of the others nothing has changed.
        """
        with self._changing_all(desired) as changes:
            return [name for name, hash_ in desired.items() if records.roll_back(changes[name], name, hash_, cause)]

    def finish(self, name: str, key: str, result: Result, output: str) -> None:
        """Store how a task or exec ended; *result*'s attempts are counted here."""
        with self._changing(name) as change:
            earlier = change.past.results.get(key)
            result = replace(result, attempts=(earlier.attempts if earlier else 0) + 1)
            row = (name, key, result.succeeded, result.exit_code, result.cause, result.attempts, result.container_id)
            change.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, output[-OUTPUT_BYTES:], time.time()),
            )
            error = change.past.last_error if result.succeeded else (result.cause or f"exit code {result.exit_code}")
            change.execute("UPDATE names SET last_error = ?, known = 1 WHERE name = ?", (error, name))
            results, dropped = records.with_newest(change.past.results, key, result)
            for old in dropped:
                change.execute("DELETE FROM results WHERE name = ? AND key = ?", (name, old))
            change.past = replace(change.past, known=True, results=results, last_error=error)

    def set_hold(self, name: str, *, hold: bool) -> None:
        with self._changing(name) as change:
            change.execute("UPDATE names SET hold = ? WHERE name = ?", (hold, name))
            change.past = replace(change.past, hold=hold)

    def ask_restart(self, name: str, restart: Restart) -> None:
        with self._changing(name) as change:
            row = (restart.container_id, restart.started_at, name)
            change.execute("UPDATE names SET restart_id = ?, restart_started_at = ? WHERE name = ?", row)
            change.past = replace(change.past, restart=restart)

    def save_read(self, name: str, read: Read) -> None:
        """Remember the config files that *name*'s container has read."""
        with self._changing(name) as change:
            row = (name, read.container_id, read.digest, json.dumps(dict(read.files)))
            change.execute("INSERT OR REPLACE INTO read VALUES (?, ?, ?, ?)", row)
            change.past = replace(change.past, read=read)

    def set_last_error(self, name: str, error: str) -> None:
        if self._names.get(name, Past()).last_error == error:
            return
        with self._changing(name) as change:
            change.execute("UPDATE names SET last_error = ? WHERE name = ?", (error, name))
            change.past = replace(change.past, last_error=error)

    def retry(self, name: str, revision: str) -> None:
        """Give what failed another chance: *revision* is not rejected, and no failed run counts any more.

        What is kept of other rejected revisions stays.
        """
        with self._changing(name) as change:
            change.execute("DELETE FROM rejected WHERE name = ? AND hash = ?", (name, revision))
            change.execute("UPDATE results SET attempts = 0 WHERE name = ? AND NOT succeeded", (name,))
            again = {k: r if r.succeeded else replace(r, attempts=0) for k, r in change.past.results.items()}
            rejected = {hash_: cause for hash_, cause in change.past.rejected.items() if hash_ != revision}
            change.past = replace(change.past, rejected=rejected, results=again)

    def forget(self, name: str) -> None:
        """*name* is neither declared nor there any more; its story stays for a while."""
        with self._lock:
            with self._writing() as connection:
                for table in ("names", "rejected", "results", "read"):
                    connection.execute(f"DELETE FROM {table} WHERE name = ?", (name,))  # noqa: S608 - our own words
                connection.execute(
                    "DELETE FROM events WHERE name NOT IN (SELECT name FROM names)"
                    " AND name IN (SELECT name FROM events GROUP BY name HAVING max(at) < ?)",
                    (time.time() - STORY_KEPT_SECONDS,),
                )
            self._names = {other: past for other, past in self._names.items() if other != name}

    def tell(self, event: Event) -> int:
        """Add *event* to its name's story and return its number; the oldest go."""
        with self._writing() as connection:
            number = connection.execute(
                "INSERT INTO events (name, at, event, outcome, hash, image, detail, uid)"
                " VALUES (?, ?, ?, '', ?, ?, ?, ?)",
                (event.name, time.time(), event.event, event.revision, event.image, event.detail, event.uid),
            ).lastrowid
            connection.execute(
                "DELETE FROM events WHERE name = ? AND id <= (SELECT id FROM events WHERE name = ?"
                " ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (event.name, event.name, EVENTS_KEPT),
            )
        return number or 0

    def conclude(self, number: int, outcome: str, detail: str | None = None) -> None:
        """Say how the event that ``tell`` gave *number* went; *detail* replaces what was said of it.

        Where the one before it says the same, the two become one that counts them.
        """
        with self._writing() as connection:
            connection.execute(
                "UPDATE events SET outcome = ?, detail = coalesce(?, detail), seconds = ? - at WHERE id = ?",
                (outcome, detail, time.time(), number),
            )
            records.join_alike(connection, number)

    # --- the last understood definitions (``source.Memory``) ------------------------------------------------------

    def definitions(self) -> dict[str, Item]:
        rows = self._select("SELECT name, item FROM definitions", ())
        items = {name: records.item_of(text) for name, text in rows}
        return {name: item for name, item in items.items() if item}

    def save_definitions(self, items: Mapping[str, Item]) -> None:
        """Keep *items* and nothing else; the very items of the last time are in the file already."""
        with self._writing() as connection:
            known = self._definitions
            if not known:
                connection.execute("DELETE FROM definitions")
            rows = [(name, records.item_text(item)) for name, item in items.items() if known.get(name) is not item]
            connection.executemany("DELETE FROM definitions WHERE name = ?", [(name,) for name in known.keys() - items])
            connection.executemany("INSERT OR REPLACE INTO definitions VALUES (?, ?)", rows)
        self._definitions = dict(items)

    def device(self) -> int:
        rows = self._select("SELECT device FROM source", ())
        return int(rows[0][0]) if rows else 0

    def save_device(self, device: int) -> None:
        with self._writing() as connection:
            connection.execute("DELETE FROM source")
            connection.execute("INSERT INTO source VALUES (?)", (device,))

    # --- below ----------------------------------------------------------------------------------------------------

    def _opened(self) -> sqlite3.Connection:
        """Raises ``StoreError``. Call it with the lock."""
        if self._connection is None:
            self._connection, aside = open_store(self._path)
            self._names = records.names_of(self._select)
            if aside:
                self._on_moved_aside(aside)
        return self._connection

    @contextmanager
    def _changing(self, name: str) -> Iterator[Change]:
        with self._changing_all([name]) as changes:
            yield changes[name]

    @contextmanager
    def _changing_all(self, names: Collection[str]) -> Iterator[Mapping[str, Change]]:
        """Change what is remembered of *names*: in the file and then in memory, or in neither."""
        with self._lock:
            with self._writing() as connection:
                connection.executemany("INSERT OR IGNORE INTO names (name) VALUES (?)", [(name,) for name in names])
                changes = {name: Change(connection, self._names.get(name, Past())) for name in names}
                yield changes
            self._names = self._names | {name: change.past for name, change in changes.items()}

    def _select(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._opened().execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"cannot read the store {self._path}: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is in the file, or nothing, whatever is raised inside."""
        with self._lock:
            connection = self._opened()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._on_refused()
                raise StoreError(f"cannot write the store {self._path}: {error}") from error
            finally:
                if connection.in_transaction:
                    connection.rollback()
