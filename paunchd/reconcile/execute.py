"""Carries out one lane, step by step. Performs, never chooses.

A step touches a container by its id, never by its name, so whatever took a name since the plan was made is safe. A
lane may be cut short between two steps, but only while the live container is untouched: a switch once begun is
finished.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import assert_never

from paunchd.engine.protocol import Engine
from paunchd.errors import Conflict, EngineError, NotFound, Rejected, StoreError
from paunchd.labels import Identity, labels_of
from paunchd.reconcile.evidence import evidence_of, output_of
from paunchd.reconcile.model import (
    Accept,
    CheckSources,
    Create,
    Kill,
    Lane,
    Pull,
    Read,
    RecordRead,
    RecordTask,
    Reject,
    Reload,
    Remove,
    Rename,
    Result,
    Revision,
    RunExec,
    Slot,
    Start,
    Step,
    Stop,
    Tell,
    Unpause,
    Update,
    bare,
    in_place,
)
from paunchd.store import Store
from paunchd.store_records import Rejection

OUTPUT_LINES = 50


@dataclass(frozen=True, slots=True)
class Done:
    """Every step worked. *downtime*: seconds between the end of the old live container and the start of the new."""

    downtime: float | None = None


@dataclass(frozen=True, slots=True)
class CutShort:
    """The desired state changed; *before* is the step that was not begun."""

    before: Step


@dataclass(frozen=True, slots=True)
class Broke:
    """*step* failed with *error*. *refused*: the engine refuses what was to be made, started or set in place."""

    step: Step
    error: EngineError | StoreError | OSError
    refused: bool


Outcome = Done | CutShort | Broke

LEND_AFTER_SECONDS = 2.0
RELOAD_SECONDS = 60.0
BRIEF = (Create, Start, Stop, Kill, Unpause, Remove, Rename, Update, Tell)


@dataclass(slots=True)
class _Progress:
    """Where a lane is. *begun*: its live container has been touched, so it is carried through."""

    ids: dict[str, str]
    slots: asyncio.Semaphore
    begun: bool = False
    stopped_at: float | None = None
    downtime: float | None = None


class Executor:
    """*outdated* says whether a lane's desired state has changed since; *doing* is told each step as it begins."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        owner: str,
        outdated: Callable[[Lane], bool],
        doing: Callable[[Lane, Step], None],
    ) -> None:
        self._engine = engine
        self._store = store
        self._owner = owner
        self._outdated = outdated
        self._doing = doing

    async def run(self, lane: Lane, slots: asyncio.Semaphore) -> Outcome:
        """Take *lane*'s steps in order, and hold one of *slots* over all those that only take the engine a moment.

        So in a mass change each container is down for its own switch alone, and records wait for nobody. Raises nothing
        an engine, a store or a file system can cause; that is in the outcome.
        """
        progress = _Progress(dict(lane.ids), slots)
        for on_engine, steps in groupby(lane.steps, key=lambda step: isinstance(step, BRIEF)):
            async with slots if on_engine else nullcontext():
                for step in steps:
                    outcome = await self._take(lane, step, progress)
                    if outcome:
                        return outcome
        return Done(progress.downtime)

    async def _take(self, lane: Lane, step: Step, progress: _Progress) -> Outcome | None:
        if not progress.begun and self._outdated(lane):
            return CutShort(step)
        stops = _stops_what_serves(step, lane.name)
        progress.begun = progress.begun or stops or _touches_live(step, lane.name)
        self._doing(lane, step)
        if stops:
            progress.stopped_at = time.monotonic()
        try:
            work = self._perform(lane, step, progress.ids)
            await (_lending(progress.slots, work) if isinstance(step, Stop) else work)
        except (EngineError, StoreError, OSError) as error:
            asks = isinstance(step, (Create, Start)) or in_place(lane.steps)
            return Broke(step, error, refused=bool(asks) and isinstance(error, Rejected))
        if isinstance(step, Start) and progress.stopped_at is not None:
            progress.downtime = time.monotonic() - progress.stopped_at
        return None

    async def _perform(self, lane: Lane, step: Step, ids: dict[str, str]) -> None:  # noqa: C901, PLR0912 - one match
        engine = self._engine
        match step:
            case Pull(image, always):
                if always or not await engine.image_id(image):
                    await engine.pull(image)
            case CheckSources(name, sources):
                await asyncio.to_thread(_check, name, sources)
            case Create():
                ids[step.engine_name] = await self._create(step)
            case Start(engine_name):
                await engine.start(_id(ids, engine_name))
            case Stop(engine_name, grace_seconds):
                await engine.stop(_id(ids, engine_name), grace_seconds)
            case Kill(engine_name):
                await engine.kill(_id(ids, engine_name))
            case Unpause(engine_name):
                await engine.unpause(_id(ids, engine_name))
            case Remove(engine_name):
                await _unless_gone(engine.remove(_id(ids, engine_name)))
                del ids[engine_name]
            case Rename(engine_name, to):
                await engine.rename(_id(ids, engine_name), to)
                ids[to] = ids.pop(engine_name)
            case Update(engine_name, restart, limits):
                await engine.update(_id(ids, engine_name), restart, limits)
            case Tell(engine_name, signal):
                with suppress(NotFound, Conflict):
                    await engine.signal(_id(ids, engine_name), signal)
            case Reload():
                await self._reload(step, ids)
            case RecordRead(engine_name, name, digest, files):
                read = Read(_id(ids, engine_name), digest, files)
                await asyncio.to_thread(self._store.save_read, name, read)
            case RunExec():
                await self._exec(step)
            case RecordTask() | Accept() | Reject():
                await self._record(lane, step, ids)
            case _:
                assert_never(step)

    async def _create(self, step: Create) -> str:
        spec = step.spec
        hash_, policy = bare(step.revision), str(spec.restart_policy)
        who = Identity(step.name, step.config_id, hash_, spec.kind.value, policy, step.files)
        return await self._engine.create(step.engine_name, spec, labels_of(who, self._owner))

    async def _record(self, lane: Lane, step: RecordTask | Accept | Reject, ids: Mapping[str, str]) -> None:
        match step:
            case Accept():
                accepted = {one.name: Revision(one.revision, one.spec) for one in (step, *step.others)}
                await asyncio.to_thread(self._store.accept_together, accepted)
            case Reject():
                rejected = {
                    one.name: Rejection(
                        one.revision, one.cause, await evidence_of(self._engine, ids.get(one.engine_name), lane)
                    )
                    for one in (step, *step.others)
                }
                await asyncio.to_thread(self._store.reject_together, rejected)
            case RecordTask(engine_name, name, revision, exit_code, succeeded, cause):
                container_id = _id(ids, engine_name)
                output = await output_of(self._engine, container_id, OUTPUT_LINES)
                result = Result(succeeded, exit_code, cause, container_id=container_id)
                await asyncio.to_thread(self._store.finish, name, revision, result, output)

    async def _reload(self, step: Reload, ids: Mapping[str, str]) -> None:
        with suppress(NotFound, Conflict):
            ran = await self._engine.run_exec(
                _id(ids, step.engine_name),
                step.command,
                environment=step.spec.environment,
                user=step.spec.user,
                timeout_seconds=RELOAD_SECONDS,
            )
            if ran.exit_code != 0:
                how = "it takes too long" if ran.exit_code is None else f"exit code {ran.exit_code}"
                raise Rejected(f"cannot exec on_change in {step.engine_name}: {how}")

    async def _exec(self, step: RunExec) -> None:
        spec = step.spec
        ran = await self._engine.run_exec(
            step.container_id,
            spec.exec_command,
            environment=spec.environment,
            user=spec.user,
            privileged=spec.privileged,
            timeout_seconds=spec.timeout_seconds,
        )
        late = ran.exit_code is None
        code = 137 if ran.exit_code is None else ran.exit_code
        cause = f"still running after {spec.timeout_seconds:g} s" if late and spec.timeout_seconds else ""
        result = Result(not late and code in spec.exit_codes, code, cause)
        await asyncio.to_thread(self._store.finish, step.name, step.key, result, ran.output)


async def _lending(slots: asyncio.Semaphore, stop: Coroutine[None, None, None]) -> None:
    """A stop may take its whole grace period: past a moment its slot is lent to lanes that wait for one (S-08)."""
    task = asyncio.ensure_future(stop)
    done, _ = await asyncio.wait({task}, timeout=LEND_AFTER_SECONDS)
    if done:
        return task.result()
    slots.release()
    try:
        return await task
    finally:
        await slots.acquire()


def _touches_live(step: Step, name: str) -> bool:
    return isinstance(step, (Stop, Kill, Remove, Rename, Update, Start, Tell, Reload)) and step.engine_name == name


def _stops_what_serves(step: Step, name: str) -> bool:
    """In a switch the old container has the kept one's name by the time it is stopped."""
    return isinstance(step, (Stop, Kill)) and step.engine_name in (name, name + Slot.PREV.value)


def _id(ids: Mapping[str, str], engine_name: str) -> str:
    try:
        return ids[engine_name]
    except KeyError:
        raise NotFound(f"cannot find container {engine_name}: it was not there when the plan was made") from None


async def _unless_gone(removal: Awaitable[None]) -> None:
    try:
        await removal
    except NotFound:
        return  # somebody was faster; gone is what was wanted


def _check(name: str, sources: tuple[str, ...]) -> None:
    missing = [source for source in sources if not Path(source).exists()]
    if missing:
        listed = ", ".join(missing)
        raise NotFound(f"cannot prepare {name}: bind source missing on this host: {listed}")
