"""Every collector, and what the parts call to feed it.

Label values come from closed sets or are declared names. What an alert counts the first of is there, at zero, from the
beginning: an increase from nothing is none to Prometheus.
The registry is handed in, so two daemons in one test do not meet.
"""

import time
from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from paunchd import __version__
from paunchd.metrics_node import NodeCollector
from paunchd.reconcile.model import Snapshot

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

LANE_REASONS = (
    *("new", "config-changed", "switch", "rollback", "verdict", "updated", "orphaned", "left-over", "ended", "retry"),
    *("gone", "renamed", "exited", "paused", "unhealthy", "interrupted", "restart", "files-changed"),
)
ROLLOUT_REASONS = ("new", "config-changed", "rollback")
ROLLBACK_REASONS = ("refused", "exited", "oom", "restarts", "deadline", "unhealthy", "group", "by-hand")
PASS_OUTCOMES = ("done", "engine-away", "crashed")
PROBE_OUTCOMES = ("passed", "failed", "timed-out", "lost")

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_GAP = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
_LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """*clock* is monotonic, *wall* tells seconds since the epoch."""

    def __init__(
        self,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.registry = registry
        self._clock = clock
        self._wall = wall
        self._changed_at: float | None = None
        self._generation_seen: int | None = None
        self._node = NodeCollector(clock, wall)
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each counter, of no use
        registry.register(self._node)
        ProcessCollector(registry=registry)
        self._make_gauges()
        self._make_counters()
        self._make_histograms()

    def _make_gauges(self) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"paunchd_{name}", text, labels, registry=self.registry)

        gauge("build_info", "Always 1; the version is the label.", "version").labels(__version__).set(1)
        self._passed = gauge(
            "last_pass_timestamp_seconds", "When a pass was last done; before the first, when the daemon began."
        )
        self._passed.set(self._wall())
        self._open = gauge("api_requests_in_flight", "Requests being answered, those that wait among them.", "route")

    def _make_counters(self) -> None:
        def counter(name: str, text: str, *labels: str, known: Iterable[tuple[str, ...]] = ()) -> Counter:
            made = Counter(f"paunchd_{name}", text, labels, registry=self.registry)
            for values in known:
                made.labels(*values)
            return made

        def each(values: Iterable[str]) -> list[tuple[str]]:
            return [(value,) for value in values]

        self._passes = counter("passes", "Passes, by outcome.", "outcome", known=each(PASS_OUTCOMES))
        crashed = [(reason, "crashed") for reason in LANE_REASONS]
        self._lanes = counter("lanes", "Lanes ended, by reason and outcome.", "reason", "outcome", known=crashed)
        self._rollouts = counter(
            "rollouts", "Revisions brought in, or back, by reason.", "reason", known=each(ROLLOUT_REASONS)
        )
        self._rollbacks = counter("rollbacks", "Revisions rejected, by reason.", "reason", known=each(ROLLBACK_REASONS))
        self._calls = counter("engine_calls", "Calls to the engine, by verb and outcome.", "verb", "outcome")
        self._probes = counter("probes", "Health tests run in the gate.", "outcome", known=each(PROBE_OUTCOMES))
        self._store = counter("store_failures", "Writes that the store refused.")
        labels = ("route", "method", "status")
        self._requests = counter("api_requests", "Requests answered, by route, method and class of status.", *labels)

    def _make_histograms(self) -> None:
        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"paunchd_{name}", text, labels, registry=self.registry, buckets=buckets)

        self._pass = histogram("pass_duration_seconds", "One look and plan; after a record, a plan alone.", _FAST)
        self._call = histogram("engine_call_duration_seconds", "One call to the engine, by verb.", _CALL, "verb")
        self._gap = histogram("switch_downtime_seconds", "From the stop of the old to the start of the new.", _GAP)
        self._convergence = histogram("convergence_seconds", "From a changed directory to settled.", _LONG)
        self._lag = histogram("event_loop_lag_seconds", "How late the event loop is, measured each second.", _FAST)

    def observe_pass(self, outcome: str, seconds: float) -> None:
        """*outcome* is one of ``PASS_OUTCOMES``."""
        self._passes.labels(outcome).inc()
        self._pass.observe(seconds)
        if outcome == "done":
            self._passed.set(self._wall())

    def observe_loop_lag(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def count_engine_call(self, verb: str, outcome: str, seconds: float) -> None:
        self._calls.labels(verb, outcome).inc()
        self._call.labels(verb).observe(seconds)

    def count_probe(self, outcome: str) -> None:
        """*outcome* is one of ``PROBE_OUTCOMES``."""
        self._probes.labels(outcome).inc()

    def count_store_failure(self) -> None:
        self._store.inc()

    def count_lane(self, reason: str, outcome: str) -> None:
        """*reason* is a ``Reason``'s code, one of ``LANE_REASONS``."""
        self._lanes.labels(reason, outcome).inc()

    def count_rollout(self, reason: str) -> None:
        self._rollouts.labels(reason).inc()

    def count_rollback(self, name: str, reason: str) -> None:
        """*reason* is one of ``ROLLBACK_REASONS``."""
        self._rollbacks.labels(reason).inc()
        self._node.rejected(name, reason)

    def observe_switch_downtime(self, seconds: float) -> None:
        self._gap.observe(seconds)

    def request_began(self, route: str) -> None:
        """*route* is a template, never a path that somebody asked for."""
        self._open.labels(route).inc()

    def request_ended(self, route: str, method: str, status: str) -> None:
        self._open.labels(route).dec()
        self._requests.labels(route, method, status).inc()

    def update(self, snapshot: Snapshot) -> None:
        """Tell *snapshot* from now on."""
        self._node.update(snapshot)
        self._measure_convergence(self._clock(), snapshot)

    def _measure_convergence(self, now: float, snapshot: Snapshot) -> None:
        """Time changes until settled; one that comes while an earlier is not settled starts no new clock."""
        if self._generation_seen not in (None, snapshot.desired.generation):
            self._changed_at = now if self._changed_at is None else self._changed_at
        self._generation_seen = snapshot.desired.generation
        if self._changed_at is None:
            return
        if snapshot.settled and snapshot.observed_generation >= snapshot.desired.generation:
            self._convergence.observe(now - self._changed_at)
            self._changed_at = None

    def text(self) -> bytes:
        """Render everything in the exposition format (``CONTENT_TYPE_LATEST``)."""
        return generate_latest(self.registry)
