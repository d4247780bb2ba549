"""One node in simulated time: its engine, its directory, one daemon after the other, and the story of it all."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from paunchd.errors import StoreError
from paunchd.log import redact_event
from paunchd.reconcile.model import Snapshot
from tests.histories.daemon import Daemon, Told
from tests.histories.engine import LivelyEngine
from tests.histories.faults import Killed, Life, Line, Wire
from tests.histories.guard import Guard
from tests.histories.papers import Papers
from tests.histories.revisions import NAMES, NEIGHBOUR, SECRET, Definition, Revision

EPOCH = 1_795_348_800.0
NOTICED_SECONDS = 0.1
BORN_SECONDS = 0.05
DEFECTS = ("pass_crashed", "lane_crashed")


class World:
    """Make it in the event loop it lives in, with ``simulated``."""

    def __init__(self, base: Path) -> None:
        self.engine = LivelyEngine()
        self.papers = Papers(base / "desired")
        self.wire = Wire()
        self.story: list[str] = []
        self.guard = Guard(self.engine, self.papers, self.tell)
        self.clock_offset = 0.0
        self.metrics_text = b""
        self._base = base
        self._births: list[asyncio.Task[None]] = []
        self._loop = asyncio.get_running_loop()
        self.daemon = self._daemon()

    @property
    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return EPOCH + self._loop.time() + self.clock_offset

    def tell(self, line: str) -> None:
        self.story.append(f"{self.now:8.2f} {line}")

    def heard(self, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        """Every line the daemon logs: none tells of a defect, none holds a secret."""
        if event.get("event") in DEFECTS:
            self.guard.violations.append(f"a defect: {event}")
        told = redact_event(_logger, _method, event)
        if SECRET in repr(told):
            self.guard.violations.append(f"I5: a secret in the log: {event['event']}")
        raise structlog.DropEvent

    # --- the daemon ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.engine.make_foreign("bystander")
        self.papers.declare(Definition(NEIGHBOUR, Revision("good")))
        self.daemon.start()

    async def reborn(self, gone: float = 0.0, *, without_store: bool = False) -> None:
        """The daemon is killed, or dead already, and after *gone* seconds there is another."""
        await self.daemon.end()
        self.metrics_text += self.daemon.metrics.text()
        if without_store:
            for path in self._base.glob("state.db*"):
                path.unlink()
            self.papers.store_lost()
            self.guard.store_lost()
        await asyncio.sleep(gone + BORN_SECONDS)
        self.tell("the daemon begins")
        self.papers.daemon_began()
        self.daemon = self._daemon()
        self.daemon.start()

    async def is_alive(self) -> None:
        """Wait until there is a daemon, where one has died."""
        while self._births:
            await self._births.pop()

    async def end(self) -> None:
        await self.is_alive()
        await self.daemon.end()

    def _daemon(self) -> Daemon:
        life = Life(self._died)
        line = Line(self.engine, self.wire, life, self.guard.after)
        told = Told(self.papers.read, self.guard.wrote, self.papers.saved)
        return Daemon(self._base / "desired", line, life, told)

    def _wake(self) -> None:
        self.daemon.wake()

    def _died(self, gone: float) -> None:
        self.tell("the daemon dies")
        self._births.append(self._loop.create_task(self.reborn(gone)))

    # --- what actions use ------------------------------------------------------------------------------------------

    def noticed(self) -> None:
        """The directory has changed, and the watch says so a moment later."""
        self._loop.call_later(NOTICED_SECONDS, self._wake)

    def later(self, seconds: float, happens: Callable[[], None]) -> None:
        self._loop.call_later(seconds, happens)

    async def ask(self, what: str, name: str) -> None:
        """Ask the daemon; it may refuse, or die of it."""
        requests = self.daemon.requests
        with suppress(KeyError, ValueError, StoreError, Killed):
            await (requests.reconcile(uid=0) if what == "reconcile" else getattr(requests, what)(name, uid=0))

    @property
    def snapshot(self) -> Snapshot | None:
        return self.daemon.snapshot

    def calm(self, names: Collection[str] = NAMES) -> None:
        """Nothing goes wrong any more, nobody meddles, and what was only for the time being is taken back."""
        self.tell("all is calm from here")
        self.wire.troubles.clear()
        self.wire.strikes.clear()
        self.wire.disk_full = False
        self.engine.come_back()
        self.papers.move_back()
        for name in names:
            for suffix in ("", ".next", ".prev"):
                self.engine.free(name + suffix)
        self.noticed()


def simulated(patch: pytest.MonkeyPatch, world: World) -> None:
    """Simulated time waits for no thread, so what goes to one is done at once; the wall clock is the world's."""

    async def at_once(function: Callable[..., Any], *arguments: Any, **keys: Any) -> Any:
        await asyncio.sleep(0)
        return function(*arguments, **keys)

    patch.setattr(asyncio, "to_thread", at_once)
    patch.setattr("time.time", world.wall)
    structlog.configure(processors=[world.heard])
