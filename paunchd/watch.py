"""Wakes the loop when something in the desired directory may have changed.

A wake is a hint and carries nothing: what changed is found out by reading. The only module that imports
watchdog. It never fails: where it cannot watch (directory missing, out of watches) it tries again, and the
resync covers.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

#: Reading a file is an event as well, and a pass reads: these would make it wake itself for ever. By name, as not
#: every watchdog has constants for both.
_READING = frozenset({"opened", "closed_no_write"})
#: A directory that comes later, or that is moved or mounted over, gives no event.
_REARM_SECONDS = 5.0
_CALM = 0.1  # of the debounce time; one file renamed into place is over at once, many come close together


class Watch:
    """Calls *wake* in the event loop at most *debounce_seconds* after a change, once for many of them.

    Sooner where nothing more changes for a tenth of that.
    """

    def __init__(
        self, directory: Path, wake: Callable[[], None], debounce_seconds: float, *, recursive: bool = True
    ) -> None:
        self._directory = directory
        self._wake = wake
        self._debounce_seconds = debounce_seconds
        self._sentry = _Sentry(directory, recursive=recursive)
        self._timer: asyncio.TimerHandle | None = None
        self._fire_by = 0.0
        self._look = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()

        def noticed() -> None:
            with suppress(RuntimeError):  # the loop closed while a last event was on its way
                loop.call_soon_threadsafe(self._noticed)

        try:
            while True:
                self._look.clear()
                if await asyncio.to_thread(self._sentry.ensure, noticed):
                    self._wake()  # whatever happened while nobody watched
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), _REARM_SECONDS)
        finally:
            if self._timer:
                self._timer.cancel()
            await asyncio.to_thread(self._sentry.close)

    def _noticed(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is None:
            self._fire_by = now + self._debounce_seconds
        else:
            self._timer.cancel()
        self._timer = loop.call_at(min(self._fire_by, now + _CALM * self._debounce_seconds), self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._look.set()
        self._wake()


class Watches:
    """A ``Watch`` on each directory that is wanted."""

    def __init__(self, wake: Callable[[], None], debounce_seconds: float) -> None:
        self._wake = wake
        self._debounce_seconds = debounce_seconds
        self._wanted: Mapping[Path, bool] = {}
        self._changed = asyncio.Event()

    def want(self, directories: Mapping[Path, bool]) -> None:
        """Watch each of *directories*, with all below it where it says so, and no other from now on."""
        if directories != self._wanted:
            self._wanted = directories
            self._changed.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        watching: dict[tuple[Path, bool], asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._changed.wait()
                self._changed.clear()
                wanted = set(self._wanted.items())
                for gone in watching.keys() - wanted:
                    watching.pop(gone).cancel()
                for directory, recursive in wanted - watching.keys():
                    watch = Watch(directory, self._wake, self._debounce_seconds, recursive=recursive)
                    watching[directory, recursive] = tasks.create_task(watch.run(), name=f"watch {directory}")


class _Sentry:
    """The thread that watches, replaced whenever the directory is another one than it watches. Blocks."""

    def __init__(self, directory: Path, *, recursive: bool) -> None:
        self._directory = directory
        self._recursive = recursive
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def ensure(self, noticed: Callable[[], None]) -> bool:
        """Watch what the path names now; whether that is new, or nothing any more."""
        with self._lock:
            there = self._identity()
            if self._closed or (there == self._watched and self._alive()):
                return False
            lost = self._watched is not None
            self._stop()
            return (there is not None and self._start(there, noticed)) or lost

    def close(self) -> None:
        """Stop for good, even where an ``ensure`` is still to come."""
        with self._lock:
            self._closed = True
            self._stop()

    def _start(self, there: tuple[int, int], noticed: Callable[[], None]) -> bool:
        observer = Observer()
        observer.daemon = True
        try:
            observer.schedule(_Notice(noticed), os.path.realpath(self._directory), recursive=self._recursive)
            observer.start()
        except OSError:
            return False
        self._observer, self._watched = observer, there
        return True

    def _stop(self) -> None:
        if self._observer:
            self._observer.stop()
            self._observer.join()
        self._observer = self._watched = None

    def _alive(self) -> bool:
        """Whether the watch stands; a directory made anew may have the inode of the one that was watched."""
        return self._observer is None or all(emitter.is_alive() for emitter in self._observer.emitters)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self._directory.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


class _Notice(FileSystemEventHandler):
    def __init__(self, noticed: Callable[[], None]) -> None:
        self._noticed = noticed

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in _READING:
            self._noticed()
