"""What the loop sleeps on between two passes, and whether it has to look when it wakes. Decides nothing."""

import asyncio
from contextlib import suppress

AFTER_CHANGE_SECONDS = 0.2


class Wakes:
    """*stale*: something may be otherwise than it was last seen. To be made inside the event loop it serves."""

    def __init__(self) -> None:
        self.stale = True
        self._wake = asyncio.Event()
        self._wake.set()
        self._ended = asyncio.Event()
        self._all_ended = asyncio.Event()
        self._again: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Something may have changed: look at once."""
        self.stale = True
        self._wake.set()

    def look_twice(self) -> None:
        """Something has changed, and the engine tells of it a little before its list shows it (20.10: a container's
        end): look at once, and once more.
        """
        self.look()
        if self._again is not None:
            self._again.cancel()
        self._again = asyncio.get_running_loop().call_later(AFTER_CHANGE_SECONDS, self.look)

    def lane_began(self) -> None:
        self._all_ended.clear()

    def lane_ended(self, *, last: bool) -> None:
        """*last*: no other is in flight."""
        self._wake.set()
        self._ended.set()
        if last:
            self._all_ended.set()

    async def rest(self, shortest: float, gap: float, longest: float) -> None:
        """Sleep *gap* seconds, but only *shortest* where a lane ends, or not at all after the last; then until a wake,
        for *longest* seconds more, after which it is time to look.
        """
        soon = await _within(shortest, self._all_ended) or await _within(gap - shortest, self._ended)
        if not soon and not await _within(longest, self._wake):
            self.stale = True
        for event in (self._wake, self._ended, self._all_ended):
            event.clear()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether *event* comes in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            return await event.wait()
    return False
