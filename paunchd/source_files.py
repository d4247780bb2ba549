"""One file of the desired directory, read safely and only when it may have changed.

Whoever can write such a file can run anything as root, so a file that others can write, or that lies
elsewhere, is not read for its content. Never parses a file whose bytes are the same as before.
"""

import fcntl
import hashlib
import os
import signal
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from paunchd.formats import Origin, Parsed, broken, parse
from paunchd.reconcile.model import Fault
from paunchd.source_layout import Place

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_YOUNG_NS = 100_000_000  # the file system's clock is coarse: a younger file can change and look the same
_READS = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of a file. *enforce_owner* off: a wrong owner or mode is a warning only."""

    max_bytes: int = 1024 * 1024
    strict_keys: bool = True
    enforce_owner: bool = True


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is now. *digest* is empty where its bytes could not be had."""

    parsed: Parsed
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _Content:
    data: bytes
    identity: tuple[int, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class _Known:
    file: File
    origin: Origin
    identity: tuple[int, ...] = ()
    settled: bool = False


class _UnreadableFile(Exception):  # noqa: N818 - a condition, caught where it is turned into a fault
    """Raised with the sentence that says why a file's bytes cannot be had."""


@dataclass(slots=True)
class Files:
    """The cache of one directory."""

    root: Path
    rules: Rules
    _known: dict[Path, _Known] = field(default_factory=dict)
    _real_root: Path = Path("/")

    def read(self, places: Iterable[Place]) -> list[File]:
        """Read every place; forget what is no longer there, leave out what vanished meanwhile."""
        self._real_root = Path(os.path.realpath(self.root))
        known: dict[Path, _Known] = {}
        for place in places:
            try:
                known[place.path] = self._one(place)
            except FileNotFoundError:
                continue
        self._known = known
        return [entry.file for entry in known.values()]

    def _one(self, place: Place) -> _Known:
        if place.problem:
            return _Known(File(broken(place.origin, place.problem)), place.origin)
        before = self._known.get(place.path)
        if before and before.settled and before.identity == _identity_at(place.path):
            return before  # the very file that was resolved then: one that is moved is another to its ctime
        try:
            content = self._content(self._resolved(place.path))
        except _UnreadableFile as error:
            return _Known(File(broken(place.origin, str(error))), place.origin)
        except FileNotFoundError:
            raise
        except OSError as error:
            return _Known(File(broken(place.origin, f"cannot read the file: {error.strerror}")), place.origin)
        return self._understood(place, content, before)

    def _resolved(self, path: Path) -> Path:
        """Where *path* really is: a link may lead anywhere below the directory, nowhere else."""
        try:
            real = Path(os.path.realpath(path, strict=True))
        except FileNotFoundError:
            if path.is_symlink():
                raise _UnreadableFile("the link leads nowhere") from None
            raise
        except OSError as error:
            raise _UnreadableFile(f"cannot read the file: {error.strerror}") from None
        if not real.is_relative_to(self._real_root):
            raise _UnreadableFile("the link leaves the directory")
        return real

    def _content(self, real: Path) -> _Content:
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _UnreadableFile("this is no regular file")
        for _ in range(_READS):
            content = self._read_once(real)
            if content:
                return content
        raise _UnreadableFile("the file changes while it is read")

    def _read_once(self, real: Path) -> _Content | None:
        """Read in one go; ``None`` when somebody wrote meanwhile."""
        descriptor = os.open(real, _OPEN)
        with open(descriptor, "rb") as opened:  # noqa: PTH123 - a descriptor has no path
            status = os.fstat(descriptor)
            if status.st_size > self.rules.max_bytes:
                raise _UnreadableFile(f"{status.st_size} bytes are more than the {self.rules.max_bytes} that are read")
            data = opened.read(self.rules.max_bytes + 1)
            after = os.fstat(descriptor)
            if _is_being_written(descriptor):
                raise _UnreadableFile("somebody is still writing the file")
        if _identity(status) != _identity(after) or len(data) != after.st_size:
            return None
        return _Content(data, _identity(after), _owner_problem(after))

    def _understood(self, place: Place, content: _Content, before: _Known | None) -> _Known:
        digest = hashlib.sha256(content.data).hexdigest()
        changed_ns = max(content.identity[-2:])
        settled = time.time_ns() - changed_ns > _YOUNG_NS
        same = before and (before.file.digest, before.origin) == (digest, place.origin)
        if before and same and before.identity == content.identity:
            return replace(before, settled=settled)
        parsed = self._judged(place.origin, content)
        return _Known(File(parsed, digest), place.origin, content.identity, settled)

    def _judged(self, origin: Origin, content: _Content) -> Parsed:
        if content.problem and self.rules.enforce_owner:
            return broken(origin, content.problem)
        parsed = parse(content.data, origin)
        if not content.problem:
            return parsed
        return replace(parsed, warnings=(Fault(origin.path, content.problem), *parsed.warnings))


def _is_being_written(descriptor: int) -> bool:
    """Whether anybody has the file open for writing, so that what was read may be a part of what will be there.

    The beginning of a YAML file is mostly a YAML file as well, with fewer containers in it. The kernel grants a lease
    on reading only where nobody can write; where it grants none for other reasons, nobody knows and that must do.
    """
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # for who comes just now; ignored, unlike the default
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _identity(status: os.stat_result) -> tuple[int, ...]:
    owner = (status.st_mode, status.st_uid)
    content = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return (*owner, *content)


def _identity_at(path: Path) -> tuple[int, ...] | None:
    try:
        return _identity(path.stat())
    except OSError:
        return None


def _owner_problem(status: os.stat_result) -> str:
    if status.st_uid not in (0, os.geteuid()):
        return f"the file belongs to uid {status.st_uid}; it must be root's"
    if status.st_mode & _WRITABLE_BY_OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        return f"the mode {mode:04o} lets others write the file; chmod go-w it"
    return ""
