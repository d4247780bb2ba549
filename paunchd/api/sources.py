"""What the API is made from: where answers come from, and what a person can ask for."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from paunchd.api.board import Board
from paunchd.api.errors import ProblemError
from paunchd.engine.protocol import LogWish
from paunchd.metrics import Metrics
from paunchd.reconcile.model import Snapshot

Rows = Sequence[Mapping[str, object]]


class Operator(Protocol):
    """What a person can ask of the daemon; *uid* says who it was.

    Each raises ``KeyError`` for a name it does not know, and ``ValueError`` where what is asked cannot be done.
    """

    async def reconcile(self, *, uid: int) -> None: ...

    async def confirm_removals(self, *, uid: int) -> None: ...

    async def retry(self, name: str, *, uid: int) -> None: ...

    async def rollback(self, name: str, *, uid: int) -> None: ...

    async def restart(self, name: str, *, uid: int) -> None: ...

    async def hold(self, name: str, *, uid: int) -> None: ...

    async def release(self, name: str, *, uid: int) -> None: ...


class Kept(Protocol):
    """What is kept of each name. Called in threads; may raise ``StoreError``."""

    def events(self, name: str) -> Rows:
        """What happened to it, newest first."""

    def recent(self, limit: int) -> Rows:
        """What happened last, to whomever, newest first."""

    def evidence(self, name: str) -> Rows:
        """What is kept of its rejected revisions, oldest first."""

    def outputs(self, name: str) -> Rows:
        """What its runs printed, newest first."""


class Logs(Protocol):
    def log_pieces(self, ref: str, wish: LogWish) -> AsyncGenerator[bytes, None]: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from. *stuck* says why no pass ends, or nothing."""

    board: Board
    operator: Operator
    metrics: Metrics
    kept: Kept
    logs: Logs
    stuck: Callable[[], str] = lambda: ""


class Places:
    """How many requests of one sort a listener lets last at once."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= self._most:
            raise ProblemError(503, "Too many", f"{self._most} {self._what} are open already")
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


SOURCES = web.AppKey("sources", Sources)


def snapshot_of(request: web.Request) -> Snapshot:
    """Return the newest snapshot. Raises ``ProblemError`` before the first pass is done."""
    current = request.app[SOURCES].board.current
    if current is None:
        raise ProblemError(503, "Not ready", "the first pass is not done yet")
    return current
