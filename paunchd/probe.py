"""Runs the health test of containers in the gate, because the engine's own first check comes only after its interval.

It keeps the newest result of each and hints when one turns; it judges nothing. What an engine that is away, or a
container that stops in the middle of a test (T-077), leaves behind is no result.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from paunchd.engine.protocol import Engine
from paunchd.errors import EngineError
from paunchd.reconcile.model import Probe
from paunchd.spec import Healthcheck

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 2.0
_TIMEOUT_SECONDS = 30.0
_CONCURRENCY = 4
_KILLED = frozenset({137, 143})


@dataclass(slots=True)
class _Watched:
    check: Healthcheck
    task: asyncio.Task[None]


class Prober:
    """*wake* is called when a container's first result is there, and whenever passing turns into failing or back.

    *on_probe* is told how each test went: ``passed``, ``failed``, ``timed-out``, or ``lost`` where there is no result.
    """

    def __init__(
        self, engine: Engine, wake: Callable[[], None], on_probe: Callable[[str], None] = lambda _outcome: None
    ) -> None:
        self._engine = engine
        self._wake = wake
        self._on_probe = on_probe
        self._targets: dict[str, Healthcheck] = {}
        self._results: dict[str, Probe] = {}
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(_CONCURRENCY)

    @property
    def results(self) -> Mapping[str, Probe]:
        """The newest result by container id, only of those that are watched now."""
        return dict(self._results)

    def watch(self, targets: Mapping[str, Healthcheck]) -> None:
        """Probe exactly *targets*, by container id, from now on; those without a test of their own never are."""
        self._targets = {ref: check for ref, check in targets.items() if command_of(check)}
        for ref in self._results.keys() - self._targets.keys():
            del self._results[ref]
        self._changed.set()

    async def run(self) -> None:
        watched: dict[str, _Watched] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                for ref in [ref for ref, one in watched.items() if self._targets.get(ref) != one.check]:
                    watched.pop(ref).task.cancel()
                for ref in self._targets.keys() - watched.keys():
                    check = self._targets[ref]
                    watched[ref] = _Watched(check, tasks.create_task(self._probe(ref, check)))
                await self._changed.wait()

    async def _probe(self, ref: str, check: Healthcheck) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            async with self._slots:
                result = await self._test(ref, check)
            if result is not None and self._targets.get(ref) == check:
                self._keep(ref, result)
            await asyncio.sleep(pause * random.uniform(0.8, 1.0))  # noqa: S311 - spreads load (T-076)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)

    async def _test(self, ref: str, check: Healthcheck) -> Probe | None:
        outcome, result = await self._run(ref, check)
        self._on_probe(outcome)
        return result

    async def _run(self, ref: str, check: Healthcheck) -> tuple[str, Probe | None]:
        timeout = check.timeout_seconds or _TIMEOUT_SECONDS
        try:
            ran = await self._engine.run_exec(ref, command_of(check), timeout_seconds=timeout)
        except EngineError:
            return "lost", None
        if ran.timed_out:
            return "timed-out", Probe(passed=False, output=f"still running after {timeout:g} s\n{ran.output}")
        if ran.exit_code in _KILLED:
            return "lost", None
        passed = ran.exit_code == 0
        return "passed" if passed else "failed", Probe(passed=passed, output=ran.output)

    def _keep(self, ref: str, result: Probe) -> None:
        before = self._results.get(ref)
        self._results[ref] = result
        if before is None or before.passed != result.passed:
            self._wake()


def command_of(check: Healthcheck) -> tuple[str, ...]:
    """Say what to run for *check*, as the engine would; nothing where it is disabled or the image's own."""
    match check.test:
        case ("CMD", *command):
            return tuple(command)
        case ("CMD-SHELL", command, *_):
            return ("/bin/sh", "-c", command)
    return ()
