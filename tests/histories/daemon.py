"""One life of the daemon: the product's own parts, as ``paunchd.daemon`` puts them together, on a line that can fail.

Only the engine is a fake; directory, store, loop, prober and requests are the real ones.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from paunchd.api.board import Board
from paunchd.daemon import rules_of
from paunchd.errors import EngineError, StoreError
from paunchd.labels import name_in
from paunchd.metrics import Metrics
from paunchd.probe import Prober
from paunchd.reconcile.execute import Executor
from paunchd.reconcile.loop import Loop
from paunchd.reconcile.model import Desired, Snapshot
from paunchd.reconcile.observe import Observer
from paunchd.reconcile.parts import Pace, Parts
from paunchd.reconcile.record import Recorder
from paunchd.requests import Requests
from paunchd.settings import Settings
from paunchd.source import Source
from paunchd.store import Store
from tests.fakes.contents import FakeContents
from tests.histories.faults import Killed, Life, Line, Wire
from tests.histories.revisions import OWNER

RULES = replace(
    rules_of(Settings()),
    min_healthy_seconds=2.0,
    healthy_deadline_seconds=20.0,
    probation_seconds=10.0,
    max_restarts=3,
)
PACE = Pace(resync_seconds=10.0, slow_resync_seconds=60.0, lanes=2)
EVENTS_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Told:
    """What a daemon tells about itself: *read* when it has read the directory, *wrote* after each write with the
    good and the rejected revisions that are then in the store, *saved* when it has kept its definitions.
    """

    read: Callable[[], None]
    wrote: Callable[[dict[str, str], set[tuple[str, str]]], None]
    saved: Callable[[], None]


class MortalStore(Store):
    """The real store; a write may be refused, or be the daemon's last."""

    def __init__(self, path: Path, wire: Wire, life: Life, told: Told) -> None:
        self._wire, self._life, self._told = wire, life, told
        self._commits = 0
        super().__init__(path)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        self._life.go_on()
        if self._wire.disk_full:
            raise StoreError("cannot write the store: disk full")
        number = self._wire.count("write")
        with super()._writing() as connection:
            yield connection
            self._strike(number, "before")
        self._commits += 1
        good = dict(self._select("SELECT name, good_hash FROM names WHERE good_hash IS NOT NULL", ()))
        self._told.wrote(good, set(self._select("SELECT name, hash FROM rejected", ())))
        self._strike(number, "after")

    def _strike(self, number: int, when: str) -> None:
        strike = self._wire.hit("write", number, when) if number else None
        if strike:
            self._life.end(strike.gone)

    def save_definitions(self, items: Any) -> None:
        commits = self._commits
        try:
            super().save_definitions(items)
        finally:
            if self._commits > commits:
                self._told.saved()


class TellingSource:
    def __init__(self, source: Source, life: Life, told: Told) -> None:
        self._source, self._life, self._told = source, life, told

    def load(self) -> Desired:
        self._life.go_on()
        self._told.read()
        return self._source.load()


class Daemon:
    """Runs from ``start`` until it dies or is ended."""

    def __init__(self, directory: Path, line: Line, life: Life, told: Told) -> None:
        clock = asyncio.get_running_loop().time
        store = MortalStore(directory.with_name("state.db"), line.wire, life, told)
        self.life, self.store, self._line = life, store, line
        self._board = Board()
        self.metrics = Metrics(CollectorRegistry(), clock)
        self._prober = Prober(line, self.wake)
        recorder = Recorder(store, self.metrics, clock)
        observer = Observer(line, OWNER, clock)
        parts = Parts(
            source=TellingSource(Source(directory, store), life, told),
            contents=FakeContents(),
            observer=observer,
            store=store,
            executor=lambda outdated, doing: Executor(line, store, OWNER, outdated, doing),
            recorder=recorder,
            prober=self._prober,
            metrics=self.metrics,
            publish=self._board.publish,
        )
        self.loop = Loop(parts, RULES, PACE, clock)
        self.requests = Requests(self.loop, store, recorder, self._board, observer.forget_all)
        self._task: asyncio.Task[None] | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        return self._board.current

    def wake(self) -> None:
        self.loop.wake()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def end(self) -> None:
        """Be gone altogether, as after kill -9."""
        self.life.over = True
        self._task.cancel()
        await asyncio.wait({self._task})
        self.store.close()
        if not self._task.cancelled() and self._task.exception():
            raise self._task.exception()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as parts:
                for part in (self.loop.run(), self._prober.run(), self._follow_events()):
                    parts.create_task(part)
        except* Killed:
            pass

    async def _follow_events(self) -> None:
        while True:
            try:
                async for labels in self._line.events():
                    if labels:
                        self.loop.heard(name_in(labels, OWNER))
                    else:
                        self.loop.missed()
            except EngineError:
                pass
            await asyncio.sleep(EVENTS_PAUSE_SECONDS)
            self.loop.missed()
