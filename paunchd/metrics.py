"""Every collector, and what the loop calls to feed it.

Label values come from closed sets or are declared names.
Nothing here is global: the registry is handed in, so two daemons in one test do not meet.
"""

import time
from collections import Counter as Tally
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from paunchd import __version__
from paunchd.readings import broken_files, expected_names, held_removals, is_ready, state_of
from paunchd.reconcile.model import Snapshot, State

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """*clock* is monotonic; two updates tell how long things were as the earlier one said."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = registry
        self._clock = clock
        self._before: tuple[float, Snapshot] | None = None
        self._changed_at: float | None = None
        self._generation_seen: int | None = None
        ProcessCollector(registry=registry)
        self._make_gauges(registry)
        self._make_counters(registry)
        self._make_histograms(registry)

    def _make_gauges(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"paunchd_{name}", text, labels, registry=registry)

        gauge("build_info", "Always 1; the version is the label.", "version").labels(__version__).set(1)
        self._containers = gauge("containers", "Names (containers, tasks, execs) by state.", "state")
        self._generation = gauge("generation", "Generation of the desired directory as last read.")
        self._observed_generation = gauge("observed_generation", "Generation last planned with.")
        self._broken = gauge("broken_files", "Files of the desired directory that do not parse or conflict.")
        self._warnings = gauge("warnings", "Warnings about files of the desired directory.")
        self._held = gauge("held_removals", "Removals held until an operator confirms them.")
        self._engine = gauge("engine_up", "1 while the container engine answers.")
        self._source = gauge("source_ok", "1 while the desired directory can be read.")
        self._settled = gauge("settled", "1 while nothing is left to do or to wait for.")
        self._lag = gauge("event_loop_lag_seconds", "How late the event loop last was.")
        for state in State:
            self._containers.labels(state.value)

    def _make_counters(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"paunchd_{name}", text, labels, registry=registry)

        self._calls = counter("engine_calls", "Calls to the container engine.", "verb", "outcome")
        self._lanes = counter("lanes", "Lanes carried out.", "reason", "outcome")
        self._rollouts = counter("rollouts", "Replacements begun.", "reason")
        self._rollbacks = counter("rollbacks", "Revisions rejected and taken back.", "reason")
        self._ready = counter("container_ready_seconds", "Seconds a declared container was ready.", "name")
        self._expected = counter("container_expected_seconds", "Seconds a container was declared.", "name")

    def _make_histograms(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"paunchd_{name}", text, labels, registry=registry, buckets=buckets)

        self._pass = histogram("pass_duration_seconds", "Duration of a pass.", _FAST)
        self._call = histogram("engine_call_duration_seconds", "Duration of an engine call.", _CALL, "verb")
        self._downtime = histogram("switch_downtime_seconds", "From stop of the old to start of the new.", _LONG)
        self._convergence = histogram("convergence_seconds", "From a changed directory to settled.", _LONG)
        self._lags = histogram("event_loop_lag", "How late the event loop was, in seconds.", _FAST)

    def observe_pass(self, seconds: float) -> None:
        self._pass.observe(seconds)

    def observe_loop_lag(self, seconds: float) -> None:
        self._lag.set(seconds)
        self._lags.observe(seconds)

    def count_engine_call(self, verb: str, outcome: str, seconds: float) -> None:
        self._calls.labels(verb, outcome).inc()
        self._call.labels(verb).observe(seconds)

    def count_lane(self, reason: str, outcome: str) -> None:
        """*reason* is a ``Reason``'s code."""
        self._lanes.labels(reason, outcome).inc()

    def count_rollout(self, reason: str) -> None:
        self._rollouts.labels(reason).inc()

    def count_rollback(self, reason: str) -> None:
        self._rollbacks.labels(reason).inc()

    def observe_switch_downtime(self, seconds: float) -> None:
        self._downtime.observe(seconds)

    def update(self, snapshot: Snapshot) -> None:
        """Set the gauges from *snapshot*, and account for the time since the last one."""
        now = self._clock()
        self._account(now, snapshot)
        self._measure_convergence(now, snapshot)
        self._before = (now, snapshot)
        states = Tally(state_of(snapshot, name) for name in snapshot.plan.statuses)
        for state in State:
            self._containers.labels(state.value).set(states[state])
        self._generation.set(snapshot.desired.generation)
        self._observed_generation.set(snapshot.observed_generation)
        self._broken.set(len(broken_files(snapshot)))
        self._warnings.set(sum(len(config.warnings) for config in snapshot.desired.configs.values()))
        self._held.set(len(held_removals(snapshot)))
        self._engine.set(snapshot.engine == "ok")
        self._source.set(not snapshot.desired.degraded)
        self._settled.set(snapshot.settled)

    def _account(self, now: float, snapshot: Snapshot) -> None:
        """Count time by what the earlier snapshot saw; while the engine is away none counts: nobody knows."""
        if self._before is None:
            return
        then, before = self._before
        names = expected_names(before)
        if before.engine == "ok":
            for name in names:
                self._expected.labels(name).inc(now - then)
                self._ready.labels(name).inc(now - then if is_ready(before, name) else 0)
        for name in names - expected_names(snapshot):
            self._expected.remove(name)
            self._ready.remove(name)

    def _measure_convergence(self, now: float, snapshot: Snapshot) -> None:
        """Time changes until settled; one that comes while an earlier is not settled starts no new clock."""
        if self._generation_seen not in (None, snapshot.desired.generation):
            self._changed_at = now if self._changed_at is None else self._changed_at
        self._generation_seen = snapshot.desired.generation
        reached = snapshot.settled and snapshot.observed_generation >= snapshot.desired.generation
        if self._changed_at is not None and reached:
            self._convergence.observe(now - self._changed_at)
            self._changed_at = None

    def text(self) -> bytes:
        """Render everything in the exposition format (``CONTENT_TYPE_LATEST``)."""
        return generate_latest(self.registry)
