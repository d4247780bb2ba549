"""Wake, coalesce, take a pass, sleep until something may have changed.

A pass reads everything again, plans, begins the lanes whose name has none in flight, and publishes what it saw. It
waits for no health, no task and no other lane. Where nothing but records have been made since the last look, and that
was just now, what it saw is still so, and a pass only plans. Events only wake, and say whose containers to inspect;
nothing else is decided by them. Nobody is judged by what was seen of him before.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from paunchd.errors import EngineError, StoreError
from paunchd.reconcile import contents, moved
from paunchd.reconcile.execute import Broke, Outcome
from paunchd.reconcile.gate import to_probe
from paunchd.reconcile.in_flight import InFlight
from paunchd.reconcile.model import (
    Content,
    Create,
    Desired,
    Facts,
    History,
    Lane,
    Observed,
    Plan,
    Rules,
    Step,
    Trial,
)
from paunchd.reconcile.mount import doubted
from paunchd.reconcile.observe import Listing, Wish
from paunchd.reconcile.parts import Pace, Parts
from paunchd.reconcile.plan import Planned, hang_on, plan, still_holds, trials
from paunchd.reconcile.tell import Teller
from paunchd.reconcile.tidy import tidy_up
from paunchd.reconcile.wakes import Wakes
from paunchd.reconcile.wants import Want, wants

FIRST_AWAY_SECONDS = 0.1
LONGEST_AWAY_SECONDS = 5.0
AFTER_CRASH_SECONDS = 1.0
STORE_REFUSED_SECONDS = 1.0
STOOD_STILL_SECONDS = 10.0
FRESH_SECONDS = 1.0
LONG_STEP_SECONDS = 1.0

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
        self._teller = Teller(parts.publish, parts.metrics, clock)
        self._wakes = Wakes()
        self._in_flight = InFlight()
        self._observed: Observed | None = None
        self._trials: dict[str, Trial] = {}
        self._desired = Desired(0, {})
        self._contents: Mapping[str, Content] = {}
        self._full_at = clock()
        self._away_seconds = 0.0
        self._pass_seconds = 0.0
        self._planned: Planned | None = None
        self._wanted: Mapping[str, Want] = {}
        self._shut_until = 0.0
        self._look_due = float("inf")

    def now(self) -> float:
        """Tell the time by which looks are dated."""
        return self._clock()

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._wakes.look()

    def heard(self, name: str) -> None:
        """The engine tells of a change of *name*; empty where it is none of ours, or nobody knows whose.

        What a lane makes, names and starts is looked at when it ends, and not while the engine is at it. Whatever ends
        is looked at at once, also where it is a lane that stops it: from then on the name does not serve.
        """
        if not self._in_flight.expects(name):
            self._parts.observer.heard({name} & self._trials.keys())
            self._wakes.look_twice()

    def missed(self) -> None:
        """Nobody listened to the engine for a moment."""
        self._parts.observer.heard(self._trials)
        self.wake()

    async def run(self) -> None:
        """Take passes until cancelled; then lanes in flight are dropped where they are, which a next start takes up."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                await self._sleep(await self._guarded(lanes))

    async def _sleep(self, seconds: float) -> None:
        queued = max(0, len(self._in_flight.lanes) - self._pace.lanes) if self._slots.locked() else 0
        gap = self._pace.gap(self._pass_seconds, queued)
        await self._wakes.rest(gap if queued else min(gap, self._pace.gap_seconds), gap, seconds)

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
        if self._wakes.stale or observed is None or self._clock() - observed.at > FRESH_SECONDS:
            observed = await self._look()
        facts = self._facts(observed, frozenset(self._in_flight.unjudged))
        if self._planned and still_holds(self._planned, facts, self.rules):
            made = self._planned.plan
            self._teller.tell(facts, made, self._in_flight)
        else:
            made = await self._act(facts, observed, lanes)
        delay = self._until_next(made)
        self._look_due = observed.at + delay + STOOD_STILL_SECONDS
        return delay

    async def _act(self, facts: Facts, observed: Observed, lanes: asyncio.TaskGroup) -> Plan:
        """Judge, plan and begin. *facts* are those of *observed*, with the trials of the pass before."""
        self._planned = None
        facts, made = await self._decide(facts, observed)
        drifts = {name: one.drift for name, one in self._wanted.items()}
        self._parts.prober.watch(to_probe(drifts, self._trials))
        self._begin(made, lanes)
        self._teller.tell(facts, made, self._in_flight)
        if await self._tidy_up(facts):
            self._planned = Planned(facts, self.rules, made)
        return made

    async def _decide(self, facts: Facts, observed: Observed) -> tuple[Facts, Plan]:
        """Judge and plan; who passes a gate or becomes good by that is inspected first, where the look has not."""
        before, in_flight = self._trials, facts.in_flight
        while True:
            self._trials = trials(facts, self.rules)
            facts = self._facts(observed, in_flight)
            self._wanted = wants(facts, self.rules, self._wanted)
            made = plan(facts, self.rules, self._wanted)
            unsure = self._parts.observer.unsure(hang_on(facts, made)) - in_flight
            if not unsure:
                return facts, made
            self._trials = before
            self._observed = observed = await self._parts.observer.closer(unsure)
            facts = self._facts(observed, in_flight)

    def _until_next(self, made: Plan) -> float:
        now = self._clock()
        shut_until = self._shut_until if now < self._shut_until else None
        moments = (now + self._pace.resync_seconds, made.look_again_at, shut_until, self._parts.contents.due_at)
        return min(moment for moment in moments if moment is not None) - now

    # --- observe --------------------------------------------------------------------------------------------------

    async def _look(self) -> Observed:
        self._wakes.stale, self._observed = False, None  # so it stays where this look fails
        self._in_flight.looked()
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
        wish = Wish(on_trial=self._trials.keys(), left_alone=self._in_flight.left_alone(now), images=images)
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
        """Freeze: what is not known is not dead."""
        if not self._away_seconds:
            log.warning("engine_away", error=error)
        self._away_seconds = min(LONGEST_AWAY_SECONDS, self._away_seconds * 2 or FIRST_AWAY_SECONDS)
        self._teller.freeze(self._facts(self._teller.observed, frozenset()), error)
        return self._away_seconds

    # --- act ------------------------------------------------------------------------------------------------------

    def _begin(self, made: Plan, lanes: asyncio.TaskGroup) -> None:
        if self._clock() < self._shut_until:
            return
        for lane in made.lanes:
            self._wakes.lane_began()
            self._in_flight.begin(lane, self._desired.items.get(lane.name))
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
            self._in_flight.end(lane)
            if not lane.only_records:
                self._parts.observer.touched(lane.name)
                self._wakes.look_twice()
            self._wakes.lane_ended(last=not self._in_flight.lanes)

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
        return self._in_flight.is_outdated(lane, self._desired.items.get(lane.name))

    def _step_began(self, lane: Lane, step: Step) -> None:
        self._in_flight.doing[lane.name] = doing = step, self._clock()
        self._parts.recorder.step_began(lane, step)
        asyncio.get_running_loop().call_later(LONG_STEP_SECONDS, self._still_at, lane.name, doing)

    def _still_at(self, name: str, doing: tuple[Step, float]) -> None:
        """A step that takes long is told of, and it may be long until anything else happens."""
        if self._in_flight.doing.get(name) is doing:
            self.wake()

    async def _tidy_up(self, facts: Facts) -> bool:
        """Whether the store took it."""
        self.confirmed &= facts.observed.names.keys() - facts.desired.items.keys()
        try:
            forgotten = await tidy_up(self._parts.store, facts, facts.in_flight | self._in_flight.lanes.keys())
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
