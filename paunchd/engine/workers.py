"""A bounded set of threads, each with an object of its own that no other thread may touch.

They are daemon threads: one that hangs in a blocking call neither holds up the loop nor the end of the
program.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    call: Callable[[T], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Workers(Generic[T]):
    """*make* builds a thread's own object in that thread, which starts when there is work for it."""

    def __init__(self, name: str, count: int, make: Callable[[], T]) -> None:
        self._name = name
        self._count = count
        self._make = make
        self._jobs: queue.SimpleQueue[_Job[T] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0

    def submit(self, call: Callable[[T], R]) -> asyncio.Future[R]:
        """Queue *call*; cancelled before a thread takes it, it never runs; later, its outcome is dropped."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._busy += 1
        future.add_done_callback(self._count_down)
        if self._busy > len(self._threads) < self._count:
            self._threads.append(self._new_thread())
        self._jobs.put(_Job(call, loop, future))
        return future

    async def close(self, patience_seconds: float = 0.5) -> None:
        """Let idle threads end; those that hang are left behind."""
        for _ in self._threads:
            self._jobs.put(None)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_seconds
        while self._any_alive() and loop.time() < deadline:  # noqa: ASYNC110 - a thread tells nobody that it ends
            await asyncio.sleep(0.01)

    def _any_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _count_down(self, _: asyncio.Future[Any]) -> None:
        self._busy -= 1

    def _new_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        own = self._make()
        while (job := self._jobs.get()) is not None:
            if not job.future.cancelled():
                self._perform(job, own)
            del job  # a waiting thread keeps nothing of the last one alive
        close = getattr(own, "close", None)
        if close is not None:
            close()

    @staticmethod
    def _perform(job: _Job[T], own: T) -> None:
        outcome: Any = None
        failure: BaseException | None = None
        try:
            outcome = job.call(own)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            job.loop.call_soon_threadsafe(_settle, job.future, outcome, failure)


def _settle(future: asyncio.Future[Any], outcome: object, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(outcome)
    else:
        future.set_exception(failure)
