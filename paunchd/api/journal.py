"""The newest events in their order, each with an id by which a reader that was cut off goes on.

For one event loop. A reader is a place in the journal and nothing else, so that a slow one costs no memory.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from paunchd.api.changes import NamedChange, NodeChanged

KEPT = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    change: NodeChanged | NamedChange


class Journal:
    """Numbers count from 1 and begin anew with each daemon, which the ids tell."""

    def __init__(self, kept: int = KEPT) -> None:
        self.newest = 0
        self._daemon = secrets.token_hex(4)
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._grown = asyncio.Event()

    def add(self, found: Iterable[NodeChanged | NamedChange], at: datetime) -> None:
        before = self.newest
        for change in found:
            self.newest += 1
            self._entries.append(Entry(self.newest, change.model_copy(update={"at": at})))
        if self.newest > before:
            grown, self._grown = self._grown, asyncio.Event()
            grown.set()

    def id_of(self, number: int) -> str:
        return f"{self._daemon}-{number}"

    def number_of(self, event_id: str) -> int | None:
        """Return the place of *event_id*; ``None`` where it is not of this daemon, or what followed is not kept."""
        daemon, _, number = event_id.rpartition("-")
        if daemon != self._daemon or not number.isascii() or not number.isdecimal():
            return None
        place = int(number)
        return place if place <= self.newest and self.is_kept_after(place) else None

    def is_kept_after(self, number: int) -> bool:
        """Whether nothing that came after *number* has been dropped yet."""
        return number >= self.newest - len(self._entries)

    def after(self, number: int) -> list[Entry]:
        """Return the entries after *number*, oldest first. Ask ``is_kept_after`` before."""
        return list(islice(reversed(self._entries), max(0, self.newest - number)))[::-1]

    async def grows(self, number: int) -> None:
        """Wait until there is something after *number*."""
        while self.newest <= number:
            await self._grown.wait()
