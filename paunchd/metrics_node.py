"""What the newest snapshot says, as metrics: worked out when somebody scrapes, so that a pass pays little for them.

A series is there exactly as long as what it tells of, so names do not pile up. A scrape runs in a thread of its own; it
reads one ``Told``, which is never changed, only replaced.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from paunchd.readings import broken_files, expected_names, held_removals, is_ready, is_settled, recent_attempt, state_of
from paunchd.reconcile.model import Snapshot, State


@dataclass(frozen=True, slots=True)
class Served:
    """How long a declared container was ready, and how long it should have been; while nobody knew, neither grows."""

    ready_seconds: float = 0.0
    expected_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """One snapshot, seen *at* a monotonic moment, and what is known only from the ones before it.

    *served* has exactly the names that should be serving; *unsettled* says since when, by the wall clock; *reasons*
    says why a name's revision was last rejected.
    """

    snapshot: Snapshot
    at: float
    served: Mapping[str, Served] = field(default_factory=dict)
    unsettled: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric, and how its samples are read from what was told."""

    kind: type[GaugeMetricFamily | CounterMetricFamily]
    name: str
    text: str
    labels: tuple[str, ...]
    samples: Callable[[Told], Iterable[Sample]]

    def metric(self, told: Told | None) -> Metric:
        made = self.kind(f"paunchd_{self.name}", self.text, labels=self.labels)
        for values, number in self.samples(told) if told else ():
            made.add_metric(values, number)
        return made


class NodeCollector(Collector):
    """*clock* is monotonic, *wall* tells seconds since the epoch."""

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self._told: Told | None = None
        self._reasons: dict[str, str] = {}

    def rejected(self, name: str, reason: str) -> None:
        """Remember why, for as long as *name* is known."""
        self._reasons[name] = reason

    def update(self, snapshot: Snapshot) -> None:
        """Tell *snapshot* from now on, and account for the time since the last one as that one said."""
        before, now = self._told, self._clock()
        if before is None:
            before = Told(snapshot, now)
        unsettled = _unsettled(before, snapshot, self._wall())
        self._reasons = {name: why for name, why in self._reasons.items() if name in snapshot.plan.statuses}
        self._told = Told(snapshot, now, _served(before, snapshot, now), unsettled, self._reasons.copy())

    def collect(self) -> Iterator[Metric]:
        told = self._told
        return (family.metric(told) for family in FAMILIES)


def _served(before: Told, snapshot: Snapshot, now: float) -> dict[str, Served]:
    passed = now - before.at if before.snapshot.engine == "ok" else 0.0
    served = {}
    for name in expected_names(snapshot):
        so_far = before.served.get(name)
        if so_far is None:
            served[name] = Served()
            continue
        ready = passed if is_ready(before.snapshot, name) else 0.0
        served[name] = Served(so_far.ready_seconds + ready, so_far.expected_seconds + passed)
    return served


def _unsettled(before: Told, snapshot: Snapshot, wall: float) -> Mapping[str, float]:
    """Find what is left to do or to wait for; nothing new is known while the engine is away."""
    if snapshot.engine != "ok":
        return before.unsettled
    return {
        name: before.unsettled.get(name, wall)
        for name, status in snapshot.plan.statuses.items()
        if status.state is not State.HELD and not is_settled(snapshot, name)
    }


# --- every metric that a snapshot tells ------------------------------------------------------------------------------


def _gauge(name: str, text: str, read: Callable[[Snapshot], float]) -> Family:
    return Family(GaugeMetricFamily, name, text, (), lambda told: [((), float(read(told.snapshot)))])


def _by_state(told: Told) -> Iterator[Sample]:
    tally = Tally(state_of(told.snapshot, name) for name in told.snapshot.plan.statuses)
    return (((state.value,), tally[state]) for state in State)


def _state_of_each(told: Told) -> Iterator[Sample]:
    return (((name, state_of(told.snapshot, name).value), 1) for name in told.snapshot.plan.statuses)


def _rejected(told: Told) -> Iterator[Sample]:
    for name in told.snapshot.plan.statuses:
        if state_of(told.snapshot, name) in (State.ROLLED_BACK, State.PARKED):
            yield (name, told.reasons.get(name, "earlier")), 1


def _failed_attempts(told: Told) -> Iterator[Sample]:
    for name in told.snapshot.plan.statuses:
        attempt = recent_attempt(told.snapshot, name, told.at)
        if attempt:
            yield (name,), attempt.failures


def _restarts(told: Told) -> Iterator[Sample]:
    for name in told.served:
        live = told.snapshot.observed.of(name).live
        if live:
            yield (name,), live.details.restart_count


def _ready_seconds(told: Told) -> Iterator[Sample]:
    return (((name,), served.ready_seconds) for name, served in told.served.items())


def _expected_seconds(told: Told) -> Iterator[Sample]:
    return (((name,), served.expected_seconds) for name, served in told.served.items())


def _oldest_unsettled(told: Told) -> list[Sample]:
    return [((), min(told.unsettled.values()))] if told.unsettled else []


FAMILIES: tuple[Family, ...] = (
    _gauge("settled", "1 while nothing is left to do or to wait for.", lambda s: s.settled),
    _gauge("engine_up", "1 while the engine answers.", lambda s: s.engine == "ok"),
    _gauge("source_ok", "1 while the desired directory can be read.", lambda s: not s.desired.degraded),
    _gauge("generation", "Grows when the content of the desired directory changes.", lambda s: s.desired.generation),
    _gauge("observed_generation", "The generation last planned with.", lambda s: s.observed_generation),
    _gauge("broken_files", "Files that do not parse, or conflict.", lambda s: len(broken_files(s))),
    _gauge(
        "warnings",
        "Warnings about files that are understood all the same.",
        lambda s: sum(len(config.warnings) for config in s.desired.configs.values()),
    ),
    _gauge("held_removals", "Removals that wait for an operator.", lambda s: len(held_removals(s))),
    _gauge("lanes_in_flight", "Lanes begun and not ended, at the end of the last pass.", lambda s: len(s.in_flight)),
    Family(
        GaugeMetricFamily,
        "oldest_unsettled_timestamp_seconds",
        "Since when the name that is unsettled longest has been so; absent without one, and held names do not count.",
        (),
        _oldest_unsettled,
    ),
    Family(GaugeMetricFamily, "containers", "Names (containers, tasks, execs) by state.", ("state",), _by_state),
    Family(
        GaugeMetricFamily,
        "container_state",
        "Always 1; the state of each name is the label.",
        ("name", "state"),
        _state_of_each,
    ),
    Family(
        GaugeMetricFamily,
        "container_rejected",
        "Always 1, while a name is rolled back or parked; why is the label.",
        ("name", "reason"),
        _rejected,
    ),
    Family(
        GaugeMetricFamily,
        "container_failed_attempts",
        "Tries in a row that did not work or did not last; absent without one in the last ten minutes.",
        ("name",),
        _failed_attempts,
    ),
    Family(
        CounterMetricFamily,
        "container_restarts",
        "Restarts of the present container by the engine, as last inspected.",
        ("name",),
        _restarts,
    ),
    Family(
        CounterMetricFamily,
        "container_ready_seconds",
        "Seconds a declared container was ready; over the expected ones it is availability.",
        ("name",),
        _ready_seconds,
    ),
    Family(
        CounterMetricFamily,
        "container_expected_seconds",
        "Seconds a container was declared while the engine answered.",
        ("name",),
        _expected_seconds,
    ),
)
