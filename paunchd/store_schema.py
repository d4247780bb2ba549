"""The store's file: its schema, its migrations, and what happens to one that cannot be used.

Never raises for a bad file: that is moved aside and a new one begun, for the store is memory, not truth.
"""

import sqlite3
import time
from pathlib import Path

from paunchd.errors import StoreError

_FIRST = """
    CREATE TABLE names (
        name TEXT PRIMARY KEY,
        known INTEGER NOT NULL DEFAULT 0,
        step INTEGER NOT NULL DEFAULT 0,
        start_order INTEGER NOT NULL DEFAULT 0,
        good_hash TEXT,
        good_spec TEXT,
        before_hash TEXT,
        before_spec TEXT,
        hold INTEGER NOT NULL DEFAULT 0,
        last_error TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE rejected (
        name TEXT NOT NULL,
        hash TEXT NOT NULL,
        cause TEXT NOT NULL,
        evidence TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (name, hash)
    );
    CREATE TABLE results (
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        succeeded INTEGER NOT NULL,
        exit_code INTEGER NOT NULL,
        cause TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        container_id TEXT NOT NULL,
        output TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (name, key)
    );
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        at REAL NOT NULL,
        event TEXT NOT NULL,
        outcome TEXT NOT NULL,
        seconds REAL,
        hash TEXT NOT NULL,
        image TEXT NOT NULL,
        detail TEXT NOT NULL
    );
    CREATE INDEX events_by_name ON events (name, id);
    CREATE TABLE definitions (name TEXT PRIMARY KEY, item TEXT NOT NULL);
"""

_GOOD_AT = "ALTER TABLE names ADD COLUMN good_at REAL NOT NULL DEFAULT 0;"

_ASKED = """
    ALTER TABLE events ADD COLUMN uid INTEGER;
    ALTER TABLE names ADD COLUMN restart_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE names ADD COLUMN restart_started_at TEXT NOT NULL DEFAULT '';
"""

_SOURCE = "CREATE TABLE source (device INTEGER NOT NULL);"

_ALIKE = """
    ALTER TABLE events ADD COLUMN first_at REAL;
    ALTER TABLE events ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
"""

_READ = """
    CREATE TABLE read (
        name TEXT PRIMARY KEY,
        container_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        files TEXT NOT NULL
    );
"""

#: Nobody else writes; a person's sqlite3 may look. A lane rather fails and is tried again than holds up all others.
BUSY_SECONDS = 1.0

MIGRATIONS: tuple[str, ...] = (_FIRST, _GOOD_AT, _ASKED, _SOURCE, _ALIKE, _READ)


def open_store(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open or create the store at *path*, readable by its owner only.

    Return the connection, and where an unusable earlier file (corrupt, or of a newer paunchd) was moved to. Raises
    ``StoreError`` when not even a new file can be made.
    """
    try:
        try:
            return _open(path), None
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not _unusable(error):
                raise
            aside = path.with_name(f"{path.name}.unusable-{time.time_ns()}")
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            path.rename(aside)
            return _open(path), aside
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"cannot open the store {path}: {error}") from error


class _Newer(sqlite3.DatabaseError):
    """The file was written by a newer paunchd, whose schema cannot be guessed."""


def _unusable(error: sqlite3.OperationalError) -> bool:
    """Operational errors are mostly about the disk; these two are about the content."""
    return "malformed" in str(error) or "not a database" in str(error)


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    path.chmod(0o600)
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("malformed")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise _Newer(f"schema {version} is newer than {len(MIGRATIONS)}")
        for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
            # In one transaction with its number, so that a crash leaves the old schema or the new one.
            connection.executescript(f"BEGIN IMMEDIATE; {migration} PRAGMA user_version={number}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection
