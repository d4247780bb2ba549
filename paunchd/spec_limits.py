"""The limits of a container: what is declared, and what of it a living container can be given.

Pure. The engine changes most limits in place and lifts some of them; what it records of a limit that was lifted differs
from what it records where there never was one, so limits are compared by what they do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from paunchd.units import natural

_NANO_CPUS_OF_QUOTA = 10_000  # a quota is microseconds of each period of 0.1 s
_USUAL_SHARES = 1024
_REMEMBERED = 1024  # pairs of limits: every pass asks again for those of every container
#: What the engine takes for "no limit" when it updates; it ignores a 0, and what is not here it cannot lift.
_LIFTED: Mapping[str, int] = {"memory_reservation": -1, "cpu_shares": _USUAL_SHARES, "pids_limit": -1}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the engine can change on a living container, sizes in bytes; ``None``: not declared."""

    memory: int | None = None
    memory_swap: int | None = None
    memory_reservation: int | None = None
    cpu_shares: int | None = None
    nano_cpus: int | None = None
    cpu_quota: int | None = None
    cpuset_cpus: str | None = None
    pids_limit: int | None = None

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._set())

    def __bool__(self) -> bool:
        return self != _UNLIMITED

    def _set(self) -> list[tuple[str, Any]]:
        values = ((item.name, getattr(self, item.name)) for item in fields(self))
        return [(name, value) for name, value in values if value is not None]


_UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Gap:
    """What lies between declared and actual limits. *settable*: in the engine's values; *stuck*: why the rest stays."""

    settable: Limits
    stuck: tuple[str, ...] = ()


@lru_cache(maxsize=_REMEMBERED)
def gap(declared: Limits, actual: Limits, processors: str) -> Gap:
    """Return how far *actual* is from *declared*; once *settable* is set there is nothing more to set.

    A limit that is not declared is one to lift. *processors*: all of the node, as a list; empty where unknown.
    """
    changes: dict[str, Any] = {}
    stuck = []
    for name, value, without in _differences(declared, actual, processors):
        if value is None:
            stuck.append(without)
        else:
            changes[name] = value
    return Gap(Limits(**changes), tuple(stuck))


_Difference = tuple[str, int | str | None, str]
"""A limit, what to set it to, and what is to be said where that is nothing."""


def _differences(declared: Limits, actual: Limits, processors: str) -> Iterator[_Difference]:
    for name in ("memory", *_LIFTED):
        wanted, has = _limit(name, declared), _limit(name, actual)
        if wanted != has:
            yield name, wanted or _LIFTED.get(name), _still(name, has)
    wanted, has = _swap(declared, actual), _limit("memory_swap", actual)
    if wanted != has:
        yield "memory_swap", wanted, _still("memory_swap", has)
    yield from _processor_time(declared, actual)
    every = cpu_set(processors) if processors else None
    if _cpus(declared.cpuset_cpus, every) != _cpus(actual.cpuset_cpus, every):
        yield "cpuset_cpus", declared.cpuset_cpus or processors or None, _still("cpuset_cpus", actual.cpuset_cpus)


def _limit(name: str, limits: Limits) -> int | None:
    """0, -1 and nothing are all the engine's ways to say "no limit" (T-054)."""
    value = getattr(limits, name)
    none = (None, 0, -1, _USUAL_SHARES) if name == "cpu_shares" else (None, 0, -1)
    return None if value in none else value


def _swap(declared: Limits, actual: Limits) -> int | None:
    """Undeclared it is what the engine makes of a memory limit: twice as much, or nothing where it does not count swap.

    -1 is recorded by the engine, but a living container keeps what it has.
    """
    has = _limit("memory_swap", actual)
    if declared.memory_swap or has is None:
        return _limit("memory_swap", declared)
    memory = _limit("memory", declared) or _limit("memory", actual)
    return 2 * memory if memory else None


def _processor_time(declared: Limits, actual: Limits) -> Iterator[_Difference]:
    """A quota and a number of processors are one limit, and the engine takes only the form it has been set in.

    But for a quota of -1 beside processors: that lifts them, and for good, because at each start the quota counts.
    """
    wanted = _quota(declared)
    if wanted == _quota(actual):
        return
    if wanted is None:
        yield "cpu_quota", -1, ""
    elif actual.nano_cpus and actual.cpu_quota:
        yield "cpu_quota", None, f"cpu_quota={wanted} cannot be set again, because cpus were lifted before"
    elif actual.cpu_quota or (declared.cpu_quota and not actual.nano_cpus):
        yield "cpu_quota", wanted, ""
    else:
        yield "nano_cpus", wanted * _NANO_CPUS_OF_QUOTA if declared.cpu_quota else declared.nano_cpus, ""


def _quota(limits: Limits) -> int | None:
    """Microseconds of each period, as the engine reckons them."""
    if limits.cpu_quota:
        return max(0, limits.cpu_quota) or None
    return (limits.nano_cpus or 0) // _NANO_CPUS_OF_QUOTA or None


def _still(name: str, value: int | str | None) -> str:
    return f"{name} is still limited to {value}"


def _cpus(written: str | None, every: frozenset[int] | None) -> object:
    """``0-2`` is ``0,1,2``, and all there are is no limit."""
    if not written:
        return every
    try:
        return cpu_set(written)
    except ValueError:
        return written


def cpu_set(value: str) -> frozenset[int]:
    """The processors ``"0-2,5"`` names."""
    numbers: set[int] = set()
    for part in value.split(","):
        first, _, last = part.strip().partition("-")
        low, high = natural(first), natural(last or first)
        if high < low or high > 8191:  # noqa: PLR2004 - more processors than Linux can have
            raise ValueError(f"{value!r} is no list of processors; write 0-2,5")
        numbers.update(range(low, high + 1))
    return frozenset(numbers)
