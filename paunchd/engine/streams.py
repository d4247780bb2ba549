"""Long answers of an engine: read piece by piece, kept to their end, and ended from another thread."""

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, Self

_HEADER = struct.Struct(">BxxxL")
_PIECE = 32 * 1024
_LOOK_UP_SECONDS = 0.5


class Closable(Protocol):
    def close(self) -> None: ...


class Stream:
    """One long answer, which may be ended before, while or after it is open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answer: Closable | None = None
        self.ended = False

    def open(self, answer: Closable) -> None:
        with self._lock:
            self._answer = answer
            self._close_when_ended()

    def end(self) -> None:
        """Let whoever reads see the end. Any thread may call it, any number of times."""
        with self._lock:
            self.ended = True
            self._close_when_ended()

    @contextmanager
    def ended_after(self, seconds: float | None) -> Iterator[None]:
        """End it where the block takes longer than that."""
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self.end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _close_when_ended(self) -> None:
        if not self.ended or self._answer is None:
            return
        try:
            self._answer.close()
        except (OSError, AttributeError):  # it has reached its end by itself
            return


class Tail:
    """The newest *limit* bytes of everything that was added."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > 2 * self._limit:
            self._cut()

    def add_all(self, parts: Iterable[bytes]) -> Self:
        for part in parts:
            self.add(part)
        return self

    def text(self) -> str:
        """Whatever is no UTF-8, a character cut in two too, reads as a replacement character (T-030)."""
        self._cut()
        return self._kept.decode(errors="replace")

    def _cut(self) -> None:
        del self._kept[: max(0, len(self._kept) - self._limit)]


class Handover:
    """Pieces from a thread to a coroutine, no more than *most* of them under way.

    Made in the event loop that reads them. The thread gives up once the stream is ended.
    """

    def __init__(self, stream: Stream, most: int = 16) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._free = threading.Semaphore(most)
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put_all(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            while not self._free.acquire(timeout=_LOOK_UP_SECONDS):
                if self._stream.ended:
                    return
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, piece)

    def finish(self) -> None:
        self._arrived.put_nowait(None)

    async def pieces(self) -> AsyncIterator[bytes]:
        while (piece := await self._arrived.get()) is not None:
            self._free.release()
            yield piece


def demultiplexed(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the contents of the engine's frames, standard output and error in the order they came."""
    while len(header := read(_HEADER.size)) == _HEADER.size:
        _, length = _HEADER.unpack(header)
        while length > 0 and (data := read(min(length, _PIECE))):
            length -= len(data)
            yield data
