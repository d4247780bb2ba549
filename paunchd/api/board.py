"""The board on which each pass leaves its Snapshot for everybody who asks."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from paunchd.api.changes import changes
from paunchd.api.journal import Journal
from paunchd.reconcile.model import Snapshot


class Board:
    """For one event loop. *current* is ``None`` until the first pass is done; *journal* has what changed since.

    *asked_at* is when a person's newest request was remembered, by the clock of the passes.
    """

    def __init__(self) -> None:
        self.current: Snapshot | None = None
        self.journal = Journal()
        self.asked_at = float("-inf")
        self._published = asyncio.Event()

    def publish(self, snapshot: Snapshot) -> None:
        before, self.current = self.current, snapshot
        if before is not None:
            self.journal.add(changes(before, snapshot), datetime.now(UTC))
        published, self._published = self._published, asyncio.Event()
        published.set()

    def heeds(self, snapshot: Snapshot) -> bool:
        """Whether *snapshot* was looked at after all that was asked for: what it says of failures is no older."""
        return snapshot.observed.at > self.asked_at

    async def until(self, predicate: Callable[[Snapshot], bool], timeout_seconds: float) -> Snapshot | None:
        """Return the first snapshot, from the current one on, that fits *predicate*; ``None``: not in time.

        A snapshot replaced before a waiter ran is not asked about: only the newest counts.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._next(predicate)
        except TimeoutError:
            return None

    async def _next(self, predicate: Callable[[Snapshot], bool]) -> Snapshot:
        while self.current is None or not predicate(self.current):
            await self._published.wait()
        return self.current
