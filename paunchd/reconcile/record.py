"""Outcomes → memory of attempts, the store's story, metrics and the log.

Must never decide what is done next; it only says what happened, and when a name may be tried again.
"""

import asyncio
import random
from collections.abc import Callable

import structlog

from paunchd.errors import StoreError
from paunchd.metrics import Metrics
from paunchd.reconcile.execute import Broke, CutShort, Done, Outcome
from paunchd.reconcile.model import (
    RESET_AFTER_SECONDS,
    Accept,
    Attempt,
    Create,
    Lane,
    RecordTask,
    Reject,
    RunExec,
    Step,
    Update,
    in_place,
)
from paunchd.store import Store
from paunchd.store_records import Event

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0

log = structlog.get_logger()


class Recorder:
    """*attempts* is the memory of what did not simply work; it is empty again after a restart of the daemon.

    *updates*: the same of changes in place. They are apart, because a value that the engine does not take must neither
    delay a start nor make a container that does not stay up look as if it did.
    """

    def __init__(
        self, store: Store, metrics: Metrics, clock: Callable[[], float], rng: random.Random | None = None
    ) -> None:
        self.attempts: dict[str, Attempt] = {}
        self.updates: dict[str, Attempt] = {}
        self._open: dict[str, int] = {}
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._random = rng or random.Random()  # noqa: S311 - jitter, not cryptography

    async def began(self, lane: Lane, rank: tuple[int, int] | None) -> None:
        """Say that *lane* begins. Raises ``StoreError``: then it must not begin."""
        await asyncio.to_thread(self._remember, lane, rank)
        log.info("lane_began", name=lane.name, reason=str(lane.reason), steps=[str(step) for step in lane.steps])
        if lane.reason.code in ("new", "config-changed", "rollback"):
            self._metrics.count_rollout(lane.reason.code)

    def step_began(self, lane: Lane, step: Step) -> None:
        log.debug("step_began", name=lane.name, step=str(step))

    async def ended(self, lane: Lane, outcome: Outcome) -> None:
        """Say how *lane* ended, and when its name may be tried again."""
        match outcome:
            case Done(downtime):
                failure = self._failure(lane)
                self._done(lane, downtime, failure)
                broke = failure and isinstance(lane.steps[-1], RunExec)  # a task's record is done, whatever it says
                await self._conclude(lane, "failed" if broke else "done", failure if broke else None)
            case CutShort(before):
                log.info("lane_cut_short", name=lane.name, before=str(before), cause="the desired state changed")
                self._metrics.count_lane(lane.reason.code, "cut-short")
                await self._conclude(lane, "cut short", f"the desired state changed before: {before}")
            case Broke(step, error, refused):
                log.warning("lane_broke", name=lane.name, step=str(step), error=str(error), refused=refused)
                self._metrics.count_lane(lane.reason.code, "broke")
                self._put_off(lane, str(error), refused=refused)
                await self._conclude(lane, "broke", f"{step}: {error}", str(error))

    def crashed(self, lane: Lane) -> None:
        """A defect of ours ended *lane*; it must not be tried in a tight loop."""
        self._metrics.count_lane(lane.reason.code, "crashed")
        self._put_off(lane, "internal error; see the daemon's log", refused=False)

    def rolled_back(self, name: str) -> None:
        """A person has rejected what *name* is to run; what was tried before that does not count."""
        self._metrics.count_rollback(name, "by-hand")
        self.forget(name)

    def forget(self, name: str) -> None:
        """Whatever was tried for *name* does not count any more."""
        self.attempts.pop(name, None)
        self.updates.pop(name, None)

    def _done(self, lane: Lane, downtime: float | None, failure: str) -> None:
        log.info("lane_done", name=lane.name, reason=lane.reason.code, downtime_seconds=downtime, failure=failure)
        self._metrics.count_lane(lane.reason.code, "done")
        if downtime is not None:
            self._metrics.observe_switch_downtime(downtime)
        last = lane.steps[-1]
        for accepted in (last, *last.others) if isinstance(last, Accept) else ():
            log.info("revision_accepted", name=accepted.name, revision=accepted.revision)
        for rejected in (last, *last.others) if isinstance(last, Reject) else ():
            log.warning("revision_rejected", name=rejected.name, revision=rejected.revision, cause=rejected.cause)
            self._metrics.count_rollback(rejected.name, rejected.code)
        if failure:
            self._put_off(lane, failure, refused=False)
        elif in_place(lane.steps) and isinstance(last, Update):
            # Remembered until it is seen: what the engine accepts and does not keep would be set at every look.
            self._put_off(lane, "was set, and is not there any more", refused=True)
        elif lane.repair:
            self._put_off(lane, f"again: {lane.reason}", refused=False)
        elif in_place(lane.steps):
            self.updates.pop(lane.name, None)
        else:
            self.attempts.pop(lane.name, None)

    def _failure(self, lane: Lane) -> str:
        """Why the task or exec that this lane ended did not succeed; empty where there was none, or it did."""
        for step in lane.steps:
            if isinstance(step, RecordTask) and not step.succeeded:
                return step.cause or f"exit code {step.exit_code}"
            if isinstance(step, RunExec):
                result = self._store.names()[lane.name].results[step.key]
                return "" if result.succeeded else (result.cause or f"exit code {result.exit_code}")
        return ""

    def _put_off(self, lane: Lane, error: str, *, refused: bool) -> None:
        """Exponential, full jitter, and from the start again after ten quiet minutes."""
        now = self._clock()
        values = in_place(lane.steps)
        memory, aim = (self.updates, values) if values else (self.attempts, lane.revision)
        before = memory.get(lane.name)
        recent = before is not None and before.hash == aim and now - before.at < RESET_AFTER_SECONDS
        failures = before.failures + 1 if before and recent else 1
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(failures - 1, 10))
        next_at = now + self._random.uniform(0, longest)
        memory[lane.name] = Attempt(aim, failures, now, next_at, error, refused)

    def _remember(self, lane: Lane, rank: tuple[int, int] | None) -> None:
        if rank is not None:
            self._store.begin(lane.name, rank)
        event, detail = _headline(lane)
        self._open[lane.name] = self._store.tell(Event(lane.name, event, lane.revision, _image(lane), detail))

    async def _conclude(self, lane: Lane, outcome: str, detail: str | None = None, error: str = "") -> None:
        number = self._open.pop(lane.name, 0)
        try:
            await asyncio.to_thread(self._store.conclude, number, outcome, detail)
            for event in _of_others(lane.steps[-1]):
                await asyncio.to_thread(self._store.tell, event)
            if error:
                await asyncio.to_thread(self._store.set_last_error, lane.name, error)
        except StoreError as failed:
            log.error("story_lost", name=lane.name, error=str(failed))


def _headline(lane: Lane) -> tuple[str, str]:
    """What a person reads of *lane*: a record says its own verdict, everything else its reason."""
    match lane.steps[-1]:
        case Accept():
            return "accepted", ""
        case Reject(cause=cause):
            return "rejected", cause
    for step in lane.steps:
        if isinstance(step, RecordTask):
            return ("succeeded" if step.succeeded else "failed"), step.cause or f"exit code {step.exit_code}"
    return lane.reason.code, lane.reason.detail


def _of_others(step: Step) -> list[Event]:
    """What the rest of a group reads in its own stories."""
    match step:
        case Accept(others=others):
            return [Event(one.name, "accepted", one.revision, detail=f"with {step.name}") for one in others]
        case Reject(others=others):
            return [Event(one.name, "rejected", one.revision, detail=one.cause) for one in others]
    return []


def _image(lane: Lane) -> str:
    return next((step.spec.image or "" for step in lane.steps if isinstance(step, Create)), "")
