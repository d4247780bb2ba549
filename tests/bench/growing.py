"""The loop over COUNT names on an engine in memory: what a pass, a start and the memory cost.

``python -m tests.bench.growing COUNT DIRECTORY`` prints them as JSON; a process of its own, so that its memory is.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import structlog
from prometheus_client import CollectorRegistry

from paunchd.metrics import Metrics
from paunchd.probe import Prober
from paunchd.reconcile.execute import Executor
from paunchd.reconcile.loop import Loop
from paunchd.reconcile.model import Listed, Snapshot
from paunchd.reconcile.observe import Observer
from paunchd.reconcile.parts import Pace, Parts
from paunchd.reconcile.record import Recorder
from paunchd.source import Source
from paunchd.store import Store
from tests.bench.fleet import IMAGE, fleet_of
from tests.fakes.contents import FakeContents
from tests.fakes.engine import FakeContainer, FakeEngine
from tests.unit.places import RULES as USUAL

PASSES = 15
PATIENCE_SECONDS = 240.0
RULES = replace(USUAL, min_healthy_seconds=0, probation_seconds=0)


class QuickEngine(FakeEngine):
    """Lists in a time that grows with what it lists, as a real one does."""

    def _means(self, image: str) -> str:
        return f"sha256:{image}" if image in self.images else ""

    def _listed(self, one: FakeContainer) -> Listed:
        return Listed(one.id, one.engine_name, one.spec.image, one.image_id, dict(one.labels), one.state, one.health)


class Passes(Metrics):
    """Metrics that keep how long each pass took."""

    def __init__(self) -> None:
        super().__init__(CollectorRegistry())
        self.seconds: list[float] = []

    def observe_pass(self, outcome: str, seconds: float) -> None:
        assert outcome == "done", outcome
        super().observe_pass(outcome, seconds)
        self.seconds.append(seconds)


class Running:
    """A loop that runs for as long as the block lasts."""

    def __init__(self, directory: Path, engine: FakeEngine) -> None:
        self.passes = Passes()
        self.last: Snapshot | None = None
        self._store = store = Store(directory / "state.db")
        parts = Parts(
            source=Source(directory / "desired", store),
            contents=FakeContents(),
            observer=Observer(engine, "paunchd", time.monotonic),
            store=store,
            executor=lambda outdated, doing: Executor(engine, store, "paunchd", outdated, doing),
            recorder=Recorder(store, self.passes, time.monotonic),
            prober=Prober(engine, lambda: None),
            metrics=self.passes,
            publish=self._publish,
        )
        self.loop = Loop(parts, RULES, Pace(resync_seconds=3600, slow_resync_seconds=3600, lanes=4))

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.loop.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._store.close()

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not check():
                assert not self._task.done(), self._task.exception()
                await asyncio.sleep(0.01)

    async def more(self, count: int) -> list[float]:
        """Take *count* more passes, one after the other, and return their seconds."""
        done = len(self.passes.seconds)
        for number in range(1, count + 1):
            self.loop.wake()
            await self.until(lambda number=number: len(self.passes.seconds) >= done + number)
        return self.passes.seconds[done:]

    def _publish(self, snapshot: Snapshot) -> None:
        self.last = snapshot


async def measure(count: int, directory: Path) -> dict[str, float]:
    desired = directory / "desired" / "fleet"
    desired.mkdir(parents=True)
    for name, definition in fleet_of(count).items():
        file = desired / f"hashed-{name}.json"
        file.write_text(json.dumps(definition))
        file.chmod(0o600)
    engine = QuickEngine(images={IMAGE})
    async with Running(directory, engine) as first:
        await first.until(lambda: first.last is not None and len(first.last.plan.statuses) == count)
        await first.until(lambda: first.last is not None and first.last.settled)
    began = time.perf_counter()
    async with Running(directory, engine) as again:
        await again.until(lambda: len(again.passes.seconds) > 0)
        started = time.perf_counter() - began
        await again.more(3)
        seconds = await again.more(PASSES)
    return {"pass": statistics.median(seconds), "start": started, "memory": resident()}


def resident() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), Path(sys.argv[2])))))
