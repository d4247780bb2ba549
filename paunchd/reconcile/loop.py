"""Wake, coalesce, take a pass, sleep until something may have changed.

A pass reads everything again, plans, begins the lanes whose name has none in flight, and publishes what it saw. It
waits for no health, no task and no other lane. Where nothing but records have been made since the last look, and that
was just now, what it saw is still so, and a pass only plans. Events only wake, or need not; nothing else is decided by
them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import structlog

from paunchd.errors import EngineError, StoreError
from paunchd.reconcile import contents, moved
from paunchd.reconcile.execute import Broke, Outcome
from paunchd.reconcile.gate import to_probe
from paunchd.reconcile.model import (
    Content,
    Create,
    Desired,
    Facts,
    History,
    Lane,
    Observed,
    Plan,
    Rename,
    Rules,
    Snapshot,
    Start,
    State,
    Status,
    Step,
    Trial,
    Update,
)
from paunchd.reconcile.mount import doubted
from paunchd.reconcile.observe import Listing, Wish
from paunchd.reconcile.parts import Pace, Parts
from paunchd.reconcile.plan import Kept, Planned, plan, still_holds, trials
from paunchd.reconcile.tidy import tidy_up

FIRST_AWAY_SECONDS = 0.1
LONGEST_AWAY_SECONDS = 5.0
AFTER_CRASH_SECONDS = 1.0
STORE_REFUSED_SECONDS = 1.0
STOOD_STILL_SECONDS = 10.0
FRESH_SECONDS = 1.0
AFTER_CHANGE_SECONDS = 0.2
LONG_STEP_SECONDS = 1.0
OF_ITS_OWN = (Create, Rename, Update, Start)  # steps whose events say nothing that their lane does not know
LEFT_ALONE_SECONDS = 2.0  # of each step: a call to the engine mostly takes less

log = structlog.get_logger()


class Loop:
    """One node's loop. ``wake`` may be called from any coroutine of the same event loop."""

    def __init__(self, parts: Parts, rules: Rules, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules
        self.confirmed: frozenset[str] = frozenset()
        self.passed_at = clock()
        self._parts = parts
        self._pace = pace
        self._clock = clock
        self._executor = parts.executor(self._outdated, self._step_began)
        self._slots = asyncio.Semaphore(pace.lanes)
        self._wake = asyncio.Event()
        self._wake.set()
        self._ended = asyncio.Event()
        self._all_ended = asyncio.Event()
        self._stale = True
        self._again: asyncio.TimerHandle | None = None
        self._observed: Observed | None = None
        self._lanes: dict[str, Lane] = {}
        self._unjudged: dict[str, Lane] = {}
        self._begun_with: dict[str, str] = {}
        self._doing: dict[str, tuple[Step, float]] = {}
        self._trials: dict[str, Trial] = {}
        self._since: dict[str, tuple[State, float]] = {}
        self._desired = Desired(0, {})
        self._contents: Mapping[str, Content] = {}
        self._last: Snapshot | None = None
        self._full_at = clock()
        self._away_seconds = 0.0
        self._pass_seconds = 0.0
        self._planned: Planned | None = None
        self._wanted: Kept = {}
        self._shut_until = 0.0
        self._look_due = float("inf")

    def now(self) -> float:
        """Tell the time by which looks are dated."""
        return self._clock()

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._stale = True
        self._wake.set()

    def heard(self, name: str) -> None:
        """The engine tells of a change of *name*; empty where it is none of ours, or nobody knows whose.

        What a lane makes, names and starts is looked at when it ends, and not while the engine is at it. Whatever ends
        is looked at at once, also where it is a lane that stops it: from then on the name does not serve.
        """
        step, _ = self._doing.get(name, (None, 0.0))
        if not isinstance(step, OF_ITS_OWN):
            self.wake()
            self._wake_again()

    def _wake_again(self) -> None:
        """The engine tells of a change a little before its list shows it (20.10: a container's end)."""
        if self._again is not None:
            self._again.cancel()
        self._again = asyncio.get_running_loop().call_later(AFTER_CHANGE_SECONDS, self.wake)

    async def run(self) -> None:
        """Take passes until cancelled; then lanes in flight are dropped where they are, which a next start takes up."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                await self._sleep(await self._guarded(lanes))

    async def _sleep(self, seconds: float) -> None:
        queued = max(0, len(self._lanes) - self._pace.lanes) if self._slots.locked() else 0
        gap = self._pace.gap(self._pass_seconds, queued)
        shortest = gap if queued else min(gap, self._pace.gap_seconds)
        soon = await _within(shortest, self._all_ended) or await _within(gap - shortest, self._ended)
        if not soon and not await _within(seconds, self._wake):
            self._stale = True
        for event in (self._wake, self._ended, self._all_ended):
            event.clear()

    async def _guarded(self, lanes: asyncio.TaskGroup) -> float:
        """Take a pass and return how long to sleep at most. No defect of ours may end the daemon."""
        began, outcome = self._clock(), "done"
        try:
            delay = await self._pass(lanes)
        except EngineError as error:
            outcome, delay = "engine-away", self._engine_away(str(error))
        except Exception:
            log.exception("pass_crashed")
            outcome, delay = "crashed", AFTER_CRASH_SECONDS
        self.passed_at = self._clock()
        self._pass_seconds = self.passed_at - began
        self._parts.metrics.observe_pass(outcome, self._pass_seconds)
        return delay

    async def _pass(self, lanes: asyncio.TaskGroup) -> float:
        observed = self._observed
        if self._stale or observed is None or self._clock() - observed.at > FRESH_SECONDS:
            observed = await self._look()
        facts = self._facts(observed, frozenset(self._unjudged))
        if self._planned and still_holds(self._planned, facts, self.rules):
            made = self._planned.plan
            self._publish(facts, made)
        else:
            made = await self._act(facts, observed, lanes)
        delay = self._until_next(made)
        self._look_due = observed.at + delay + STOOD_STILL_SECONDS
        return delay

    async def _act(self, facts: Facts, observed: Observed, lanes: asyncio.TaskGroup) -> Plan:
        """Judge, plan and begin. *facts* are those of *observed*, with the trials of the pass before."""
        self._planned = None
        self._trials = trials(facts, self.rules)
        facts = self._facts(observed, facts.in_flight)
        made = plan(facts, self.rules, self._wanted)
        self._parts.prober.watch(to_probe(facts, self._trials))
        self._begin(made, lanes)
        self._publish(facts, made)
        if await self._tidy_up(facts):
            self._planned = Planned(facts, self.rules, made)
        return made

    def _until_next(self, made: Plan) -> float:
        now = self._clock()
        shut_until = self._shut_until if now < self._shut_until else None
        moments = (now + self._pace.resync_seconds, made.look_again_at, shut_until, self._parts.contents.due_at)
        return min(moment for moment in moments if moment is not None) - now

    # --- observe --------------------------------------------------------------------------------------------------

    async def _look(self) -> Observed:
        self._stale, self._observed = False, None  # so it stays where this look fails
        # A lane that ends while we look may have changed what we have just seen; its name is left to the next look.
        self._unjudged = dict(self._lanes)
        listing = asyncio.create_task(self._parts.observer.list())  # the engine is at it while the directory is read
        try:
            await self._read()
            self._observed = await self._observe(listing)
        finally:
            listing.cancel()
        return self._observed

    async def _read(self) -> None:
        before = self._desired
        self._desired = await asyncio.to_thread(self._parts.source.load)
        if self._desired is before:
            return
        log.info("desired_read", generation=self._desired.generation, degraded=self._desired.degraded)
        for config in self._desired.configs.values():
            for fault in config.faults:
                log.warning("file_broken", config_id=config.config_id, fault=str(fault))

    async def _observe(self, listing: Awaitable[Listing]) -> Observed:
        now = self._clock()
        if self._away_seconds or now - self._full_at >= self._pace.slow_resync_seconds:
            self._parts.observer.forget_all()
            self._parts.contents.changed()
            self._full_at = now
        self._contents = await self._parts.contents.look(self._desired, self._history())
        images = moved.images_to_know(self._desired, self._history(), self.rules)
        wish = Wish(
            starting={name for name, trial in self._trials.items() if trial.healthy_at is None},
            proving={name for name, trial in self._trials.items() if trial.healthy_at is not None},
            left_alone={
                name
                for name, (_, began) in self._doing.items()
                if now - began < LEFT_ALONE_SECONDS and not self._lanes[name].only_records
            },
            images=images,
        )
        observed = await self._parts.observer.look(await listing, wish, self._desired, self._parts.prober.results)
        if self._away_seconds or observed.at > self._look_due:
            self._trials = {}  # nobody has looked, and what happened meanwhile is nobody's failure: gates start over
        if self._away_seconds:
            log.info("engine_returned")
            self._away_seconds = 0.0
        return observed

    def _facts(self, observed: Observed, in_flight: frozenset[str]) -> Facts:
        history = self._history()
        desired = doubted(self._desired, history, observed)
        found = Facts(desired, observed, history, in_flight, observed.at, self._contents)
        return moved.told_apart(contents.told_apart(found), self.rules)

    def _history(self) -> History:
        stored = History(self._parts.store.names(), self.confirmed)
        recorder = self._parts.recorder
        return stored.recalling(self._trials, recorder.attempts, recorder.updates)

    def _engine_away(self, error: str) -> float:
        """Freeze: what is not known is not dead. Everything is kept as last seen, and told to be unknown."""
        if not self._away_seconds:
            log.warning("engine_away", error=error)
        self._away_seconds = min(LONGEST_AWAY_SECONDS, self._away_seconds * 2 or FIRST_AWAY_SECONDS)
        last = self._last or Snapshot(self._desired, Observed({}), self._history(), Plan((), {}))
        unseen = {name: Status(name, State.UNKNOWN) for name in self._desired.items}
        frozen = Plan((), {**unseen, **last.plan.statuses})
        facts = self._facts(last.observed, frozenset())
        self._last = replace(last, desired=facts.desired, history=facts.history, engine=error, plan=frozen)
        self._show(self._last)
        return self._away_seconds

    # --- act ------------------------------------------------------------------------------------------------------

    def _begin(self, made: Plan, lanes: asyncio.TaskGroup) -> None:
        if self._clock() < self._shut_until:
            return
        for lane in made.lanes:
            self._all_ended.clear()
            self._lanes[lane.name] = self._unjudged[lane.name] = lane
            item = self._desired.items.get(lane.name)
            self._begun_with[lane.name] = item.hash if item else ""
            lanes.create_task(self._carry_out(lane), name=f"lane {lane.name}")

    async def _carry_out(self, lane: Lane) -> None:
        try:
            outcome = await self._run(lane)
            if isinstance(outcome, Broke) and isinstance(outcome.error, StoreError):
                self._shut(outcome.error)
            await self._parts.recorder.ended(lane, outcome)
        except Exception:
            log.exception("lane_crashed", name=lane.name)
            self._parts.recorder.crashed(lane)
            await asyncio.sleep(AFTER_CRASH_SECONDS)  # also a record, which is never put off
        finally:
            if lane.only_records:
                self._unjudged.pop(lane.name, None)
            else:
                self._parts.observer.touched(lane.name)
                self._stale = True
                self._wake_again()
            del self._lanes[lane.name], self._begun_with[lane.name]
            self._doing.pop(lane.name, None)
            self._wake.set()
            self._ended.set()
            if not self._lanes:
                self._all_ended.set()

    async def _run(self, lane: Lane) -> Outcome:
        item = self._desired.items.get(lane.name)
        creates = any(isinstance(step, Create) for step in lane.steps)
        rank = (item.step or 0, item.spec.start_order) if item and creates else None
        try:
            await self._parts.recorder.began(lane, rank)
        except StoreError as error:
            return Broke(lane.steps[0], error, refused=False)
        return await self._executor.run(lane, self._slots)

    def _outdated(self, lane: Lane) -> bool:
        item = self._desired.items.get(lane.name)
        return self._begun_with.get(lane.name, "") != (item.hash if item else "")

    def _step_began(self, lane: Lane, step: Step) -> None:
        self._doing[lane.name] = step, self._clock()
        self._parts.recorder.step_began(lane, step)
        asyncio.get_running_loop().call_later(LONG_STEP_SECONDS, self._still_at, lane.name, self._doing[lane.name])

    def _still_at(self, name: str, doing: tuple[Step, float]) -> None:
        """A step that takes long is told of, and it may be long until anything else happens."""
        if self._doing.get(name) is doing:
            self.wake()

    # --- tell -----------------------------------------------------------------------------------------------------

    def _publish(self, facts: Facts, made: Plan) -> None:
        """Tell of a pass: lanes that were there when it looked are not judged, though they may have ended by now."""
        wall = time.time()
        since = {}
        for name, status in made.statuses.items():
            state, at = self._since.get(name, (None, wall))
            since[name] = (status.state, at if state is status.state else wall)
        self._since = since
        self._last = Snapshot(
            desired=facts.desired,
            observed=facts.observed,
            history=facts.history,
            plan=made,
            observed_generation=facts.desired.generation,
            in_flight=dict(self._unjudged),
            doing={name: str(step) for name, (step, _) in self._doing.items()},
            since={name: at for name, (_, at) in since.items()},
            wall_offset=wall - self._clock(),
            contents=facts.contents,
        )
        self._show(self._last)

    def _show(self, snapshot: Snapshot) -> None:
        self._parts.publish(snapshot)
        self._parts.metrics.update(snapshot)

    async def _tidy_up(self, facts: Facts) -> bool:
        """Whether the store took it."""
        self.confirmed &= facts.observed.names.keys() - facts.desired.items.keys()
        try:
            forgotten = await tidy_up(self._parts.store, facts, facts.in_flight | self._lanes.keys())
        except StoreError as error:
            self._shut(error)
            return False
        for name in forgotten:
            self._parts.recorder.forget(name)
        return True

    def _shut(self, error: StoreError) -> None:
        """What is not remembered must not be done: no lane begins for a moment, and looking goes on."""
        log.error("store_refused", error=str(error))
        self._shut_until = self._clock() + STORE_REFUSED_SECONDS


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether *event* comes in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            return await event.wait()
    return False
