"""Lists and digests files. Blocks: call it in a worker thread.

A file's digest covers its mode and its content, but for the lines with a date that puppet writes (T-082). What has the
same inode, size, mode and times as before is not read again: times alone make nothing differ (T-081), and content that
was put there behind an old time has a new change time.
"""

import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_HEADER = re.compile(rb"^#[^\n]*HEADER[^\n]*\n?", re.MULTILINE)
_CHUNK = 1 << 20
#: A file changed twice within one tick of the file system's clock shows it once; so long it is read again each time.
_TICK_SECONDS = 2.0
_LISTED_FOR_ONE = 20


class Unreadable(Exception):  # noqa: N818 - named for the condition, as the caller reads it
    """Raised where nobody can say what is there; its text is the reason."""


class Moving(Exception):  # noqa: N818
    """Raised where something changed while it was read."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """So much one container may read: more is no configuration."""

    files: int = 10_000
    file_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or symbolic link at *path*; *place* is where it really is."""

    path: str
    place: str
    status: os.stat_result

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.status.st_mode)


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: tuple[int, ...]
    digest: str
    firm: bool


class Tree:
    """Remembers the digests of what it has read."""

    def __init__(self, bounds: Bounds, wall: Callable[[], float] = time.time) -> None:
        self._bounds = bounds
        self._wall = wall
        self._known: dict[str, _Known] = {}

    def forget_but(self, places: set[str]) -> None:
        """Keep no more than what is known of *places*."""
        self._known = {place: known for place, known in self._known.items() if place in places}

    def entries(self, source: str) -> list[Entry]:
        """List what is at *source* and below it. No link is followed but one at *source* itself, which counts as well:
        the engine mounts what it leads to. Raises ``Unreadable`` or ``Moving``.
        """
        try:
            there = os.lstat(source)
        except FileNotFoundError:
            raise Unreadable(f"{source} is not there") from None
        except OSError as error:
            raise _unreadable(source, error) from None
        found = [Entry(source, source, there)]
        place = source
        if stat.S_ISLNK(there.st_mode):
            place = os.path.realpath(source)
            try:
                there = os.stat(place)  # noqa: PTH116 - paths are text here, thousands of them
            except OSError as error:
                raise _unreadable(source, error) from None
            found.append(Entry(f"{source}/{place.rpartition('/')[2]}", place, there))
        if stat.S_ISDIR(there.st_mode):
            return [*found[:-1], *self._below(source, place)]
        return found if stat.S_ISREG(there.st_mode) else []

    def _below(self, source: str, place: str) -> Iterator[Entry]:
        waiting, left = [(source, place)], self._bounds.files * _LISTED_FOR_ONE
        while waiting:
            path, directory = waiting.pop()
            for found in _scan(directory):
                left -= 1
                if left < 0:
                    raise Unreadable(f"{source} holds too much to be configuration; it is listed no further")
                status = _status(found)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append((f"{path}/{found.name}", found.path))
                elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                    yield Entry(f"{path}/{found.name}", found.path, status)

    def digest(self, entry: Entry) -> str:
        """Raises ``Unreadable`` or ``Moving``."""
        stamp = _stamp(entry.status)
        known = self._known.get(entry.place)
        if known and known.firm and known.stamp == stamp:
            return known.digest
        began = self._wall()
        try:
            content = _target(entry.place) if entry.is_link else self._read(entry, stamp)
        except FileNotFoundError:
            raise Moving(entry.path) from None
        except OSError as error:
            raise _unreadable(entry.path, error) from None
        kept = content if entry.is_link or b"HEADER" not in content else _HEADER.sub(b"", content)
        kind = "link" if entry.is_link else f"{stat.S_IMODE(entry.status.st_mode):o}"
        digest = f"{kind}:{hashlib.sha256(kept).hexdigest()}"
        firm = began - entry.status.st_ctime > _TICK_SECONDS
        self._known[entry.place] = _Known(stamp, digest, firm)
        return digest

    def _read(self, entry: Entry, stamp: tuple[int, ...]) -> bytes:
        """Read all of a file, if it stays the very one that was listed; nothing else is ever opened for long."""
        if entry.status.st_size > self._bounds.file_bytes:
            raise Unreadable(f"{entry.path} is larger than {self._bounds.file_bytes} bytes; exclude it")
        descriptor = os.open(entry.place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if _stamp(os.fstat(descriptor)) != stamp:
                raise Moving(entry.path)
            content = b"".join(iter(lambda: os.read(descriptor, _CHUNK), b""))
            if _stamp(os.fstat(descriptor)) != stamp:
                raise Moving(entry.path)
        finally:
            os.close(descriptor)
        return content


def _scan(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        raise Moving(directory) from None
    except OSError as error:
        raise _unreadable(directory, error) from None


def _status(found: os.DirEntry[str]) -> os.stat_result:
    try:
        return found.stat(follow_symlinks=False)
    except FileNotFoundError:
        raise Moving(found.path) from None
    except OSError as error:
        raise _unreadable(found.path, error) from None


def _target(link: str) -> bytes:
    return os.fsencode(os.readlink(link))  # noqa: PTH115 - see above


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)


def _unreadable(path: str, error: OSError) -> Unreadable:
    return Unreadable(f"cannot read {path}: {error.strerror}")
