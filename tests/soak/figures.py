"""What the samples of a soak amount to: trends, leaks and lateness. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MIB = 1024 * 1024
WARM_UP = 0.25
LATE_SECONDS = 0.05
FEWEST = 6


@dataclass(frozen=True)
class Sample:
    """One look at the daemon, *at* seconds after the soak began. *pid* tells its lives apart.

    *late* counts, by upper bound in seconds, how often its event loop was no later; counters count since its start.
    *ran_seconds* and *waited_seconds*: how long its threads had a processor, and were ready to run and had none.
    """

    at: float
    pid: int
    fds: int
    threads: int
    rss_bytes: int
    store_bytes: int
    passes: float
    lanes: Mapping[str, float]
    rollouts: Mapping[str, float]
    rollbacks: Mapping[str, float]
    late: Mapping[float, float]
    ran_seconds: float
    waited_seconds: float
    load: float


@dataclass(frozen=True)
class Bound:
    """What growth is no leak: *per_hour*, and once *ripple*, by which the figure goes up and down anyway."""

    per_hour: float
    ripple: float
    why: str


@dataclass(frozen=True)
class Resource:
    name: str
    of: Callable[[Sample], float]
    unit: float
    bound: Bound


@dataclass(frozen=True)
class Trend:
    first: float
    last: float
    most: float
    slope_per_hour: float
    hours: float


RESOURCES = (
    Resource(
        "open files",
        lambda one: one.fds,
        1,
        Bound(2, 12, "connections of readers and of calls under way come and go; four slots, sixteen long calls"),
    ),
    Resource(
        "threads",
        lambda one: one.threads,
        1,
        Bound(1, 6, "every pool has a bound, but begins a thread only when all it has are busy"),
    ),
    Resource(
        "memory (MiB)",
        lambda one: one.rss_bytes,
        MIB,
        Bound(4 * MIB, 6 * MIB, "the allocator keeps what a burst has touched; 4 MiB an hour is 100 MiB a day"),
    ),
    Resource(
        "store (MiB)",
        lambda one: one.store_bytes,
        MIB,
        Bound(MIB, MIB, "every story was full when the soak began, so that rows go as they come; the log is reused"),
    ),
)


def lives(samples: Sequence[Sample]) -> list[list[Sample]]:
    """*samples* of each life of the daemon, in their order."""
    found: dict[int, list[Sample]] = {}
    for one in samples:
        found.setdefault(one.pid, []).append(one)
    return list(found.values())


def longest_life(samples: Sequence[Sample]) -> list[Sample]:
    return max(lives(samples), key=lambda life: life[-1].at - life[0].at, default=[])


def warmed_up(life: Sequence[Sample]) -> list[Sample]:
    """What counts of a life: its first quarter builds pools, caches and the allocator's reserves."""
    if not life:
        return []
    begin = life[0].at + WARM_UP * (life[-1].at - life[0].at)
    return [one for one in life if one.at >= begin]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line with the least squares through *points*; 0 where there is none."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def trend(counted: Sequence[Sample], of: Callable[[Sample], float]) -> Trend:
    """*counted* is not empty."""
    values = [of(one) for one in counted]
    steepness = slope([(one.at / 3600, value) for one, value in zip(counted, values, strict=True)])
    return Trend(values[0], values[-1], max(values), steepness, (counted[-1].at - counted[0].at) / 3600)


def grows(found: Trend, bound: Bound) -> bool:
    """Whether the fitted line rises by more than *bound* grants to so long a time."""
    return found.slope_per_hour * found.hours > bound.per_hour * found.hours + bound.ripple


def leaks(samples: Sequence[Sample]) -> list[str]:
    """What grew beyond its bound in the longest life; nothing is said of a life too short to judge."""
    counted = warmed_up(longest_life(samples))
    if len(counted) < FEWEST:
        return []
    found = [(resource, trend(counted, resource.of)) for resource in RESOURCES]
    return [
        f"{resource.name} grow by {one.slope_per_hour / resource.unit:.1f} an hour: {one.first / resource.unit:.1f} to "
        f"{one.last / resource.unit:.1f} in {one.hours * 60:.0f} minutes"
        for resource, one in found
        if grows(one, resource.bound)
    ]


def bucketed(values: Sequence[float], bounds: Sequence[float]) -> dict[float, float]:
    """Count *values* as a histogram with *bounds* does, so that two measurements are rounded alike."""
    return {bound: float(sum(value <= bound for value in values)) for bound in [*bounds, math.inf]}


def quantile(late: Mapping[float, float], share: float) -> float:
    """The value that *share* of a histogram are no greater than, straight between the bounds of its bucket."""
    counted = sorted(late.items())
    wanted = share * counted[-1][1] if counted else 0.0
    below, bound_below = 0.0, 0.0
    for bound, count in counted:
        if count >= wanted and count > below:
            if math.isinf(bound):
                return bound_below
            return bound_below + (bound - bound_below) * (wanted - below) / (count - below)
        below, bound_below = count, bound
    return bound_below


def most(late: Mapping[float, float]) -> float:
    """The bound under which all of a histogram are."""
    total = max(late.values(), default=0.0)
    return min((bound for bound, count in late.items() if count >= total), default=0.0)


def lateness(life: Sequence[Sample], control: Mapping[float, float]) -> str:
    """What is wrong with how late the event loop was in a *life*; empty where nothing is.

    *control* is how late an idle process was. Where that was late too, or the daemon spent more time waiting for a
    processor than on one, the figure says more of the machine than of the daemon.
    """
    last = life[-1]
    ours, idle = quantile(last.late, 0.99), quantile(control, 0.99)
    if ours < LATE_SECONDS:
        return ""
    said = (
        f"the event loop's p99 lag is {ours * 1e3:.0f} ms (bound {LATE_SECONDS * 1e3:.0f} ms); an idle process's was "
        f"{idle * 1e3:.0f} ms, {waiting(last)}, load average {mean_load(life):.1f}"
    )
    busy = idle >= LATE_SECONDS or last.waited_seconds > last.ran_seconds
    return f"{said}: the machine is too busy to tell" if busy else said


def waiting(last: Sample) -> str:
    return f"the daemon's threads ran {last.ran_seconds:.0f} s and waited {last.waited_seconds:.0f} s for a processor"


def mean_load(samples: Sequence[Sample]) -> float:
    return sum(one.load for one in samples) / max(1, len(samples))


def total(samples: Sequence[Sample], of: Callable[[Sample], Mapping[str, float]]) -> dict[str, float]:
    """A counter over all lives: what each had counted when it was seen last."""
    found: dict[str, float] = {}
    for life in lives(samples):
        for key, count in of(life[-1]).items():
            found[key] = found.get(key, 0.0) + count
    return dict(sorted(found.items()))
