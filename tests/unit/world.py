"""A loop on a fake engine and in simulated time, with all it works with."""

import asyncio
import random
from contextlib import asynccontextmanager
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from paunchd.metrics import Metrics
from paunchd.reconcile.execute import Executor
from paunchd.reconcile.loop import Loop
from paunchd.reconcile.model import Desired
from paunchd.reconcile.observe import Observer
from paunchd.reconcile.parts import Pace, Parts
from paunchd.reconcile.record import Recorder
from tests.fakes.contents import FakeContents
from tests.fakes.engine import FakeEngine
from tests.unit.places import RULES

OWNER = "paunchd"
PATIENCE_SECONDS = 1200.0
STEP_SECONDS = 0.1


class Shelf:
    """Stands for the directory: says what a test has put there."""

    def __init__(self):
        self.desired = Desired(0, {})
        self.defect = None

    def load(self):
        if self.defect:
            defect, self.defect = self.defect, None
            raise defect
        return self.desired

    def put(self, *items, **keys):
        self.desired = Desired(self.desired.generation + 1, {one.name: one for one in items}, **keys)


class Probes:
    def __init__(self):
        self.results = {}
        self.watched = {}

    def watch(self, targets):
        self.watched = dict(targets)


class StubbornEngine(FakeEngine):
    """An engine some of whose calls wait until they are let go on."""

    def __init__(self, **keys):
        super().__init__(**keys)
        self.gates = {}

    def hold(self, call):
        self.gates[call] = asyncio.Event()

    def let_go(self, call):
        self.gates.pop(call).set()

    async def _called(self, verb, what=""):
        gate = self.gates.get(f"{verb} {what}".strip())
        if gate:
            await gate.wait()
        await super()._called(verb, what)


class World:
    """A loop with all it works with, and every snapshot it has published."""

    def __init__(self, store, *, resync_seconds=1000.0, slow_resync_seconds=5000.0, lanes=4):
        self.engine = StubbornEngine(images={"stub:1", "stub:2"})
        self.store, self.shelf, self.probes, self.contents = store, Shelf(), Probes(), FakeContents()
        self.snapshots = []
        self.skipped = 0.0
        time = asyncio.get_running_loop().time

        def clock():
            return time() + self.skipped

        self.clock = clock
        self.metrics = metrics = Metrics(CollectorRegistry(), clock)
        self.recorder = Recorder(store, metrics, clock, random.Random(7))
        parts = Parts(
            source=self.shelf,
            contents=self.contents,
            observer=Observer(self.engine, OWNER, clock),
            store=store,
            executor=lambda outdated, doing: Executor(self.engine, store, OWNER, outdated, doing),
            recorder=self.recorder,
            prober=self.probes,
            metrics=metrics,
            publish=self.snapshots.append,
        )
        self.loop = Loop(parts, RULES, Pace(resync_seconds, slow_resync_seconds, lanes), clock)

    def put(self, *items, **keys):
        """Change the directory and say so, as its watch does."""
        self.shelf.put(*items, **keys)
        self.loop.wake()

    @property
    def last(self):
        return self.snapshots[-1]

    def passes_counted(self, outcome):
        return self.metrics.registry.get_sample_value("paunchd_passes_total", {"outcome": outcome})

    def state(self, name):
        status = self.last.plan.statuses.get(name) if self.snapshots else None
        return status.state.value if status else "unheard of"

    def calls(self, *verbs):
        return [call for call in self.engine.calls if call.split()[0] in verbs]

    async def until(self, predicate):
        """Wait, in simulated time, until *predicate* holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not predicate():  # noqa: ASYNC110 - in simulated time, and anything may be asked
                await asyncio.sleep(STEP_SECONDS)

    async def becomes(self, state, *names):
        await self.until(lambda: all(self.state(name) == state for name in names) and not self.last.in_flight)

    async def passes(self, count=1):
        wanted = len(self.snapshots) + count
        while len(self.snapshots) < wanted:
            self.loop.wake()
            await asyncio.sleep(STEP_SECONDS)


async def at_once(function, *arguments, **keys):
    """Simulated time does not wait for real threads, so what goes to one is done here."""
    await asyncio.sleep(0)
    return function(*arguments, **keys)


@asynccontextmanager
async def running(world):
    """Until it rests: a fixture runs in real time, and a gap that it began there would never end in simulated time."""
    with patch.object(asyncio, "to_thread", at_once):
        async with asyncio.TaskGroup() as tasks:
            loop = tasks.create_task(world.loop.run())
            await world.until(lambda: world.snapshots and world.loop._wakes._wake._waiters)
            yield world
            loop.cancel()
