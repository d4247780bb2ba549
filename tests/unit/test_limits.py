"""What lies between the limits a definition declares and those a living container has.

The values are the engine's: what it records after each change, and what it refuses, was measured on 20.10.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paunchd.reconcile.model import Update
from paunchd.reconcile.project import project
from paunchd.spec import Limits, gap
from tests.unit.places import container, seen

EVERY = "0-3"
MIB = 1 << 20


def settable(declared=None, actual=None) -> str:
    return str(gap(declared or Limits(), actual or Limits(), EVERY).settable)


def stuck(declared=None, actual=None, processors=EVERY) -> tuple[str, ...]:
    return gap(declared or Limits(), actual or Limits(), processors).stuck


@pytest.mark.parametrize("declared", [None, 0, -1])
@pytest.mark.parametrize("actual", [None, 0, -1])
def test_t054_unlimited_pids_are_unlimited(declared, actual):
    """0, -1 and nothing are the same "no limit" (T-054)."""
    assert not gap(Limits(pids_limit=declared), Limits(pids_limit=actual), EVERY).settable


def test_only_limits_that_differ_are_set():
    """What is as declared is left alone, and 0-1 is 0,1."""
    declared = Limits(memory=5, cpuset_cpus="0-1", cpu_shares=7)
    assert settable(declared, Limits(memory=6, cpuset_cpus="0,1", cpu_shares=7)) == "memory=5"


@pytest.mark.parametrize(
    ("actual", "lifted"),
    [
        (Limits(pids_limit=20), "pids_limit=-1"),
        (Limits(memory_reservation=8 * MIB), "memory_reservation=-1"),
        (Limits(cpu_shares=7), "cpu_shares=1024"),
        (Limits(cpu_quota=50000), "cpu_quota=-1"),
        (Limits(nano_cpus=500000000, cpu_quota=0), "cpu_quota=-1"),
        (Limits(cpuset_cpus="0"), "cpuset_cpus=0-3"),
    ],
)
@pytest.mark.parametrize("declared", [Limits(), Limits(pids_limit=0, memory_reservation=0, cpu_shares=0, cpu_quota=0)])
def test_what_is_not_declared_or_zero_is_lifted(declared, actual, lifted):
    """Each limit that the engine can lift is lifted in the words the engine takes for that."""
    assert (settable(declared, actual), stuck(declared, actual)) == (lifted, ())


@pytest.mark.parametrize(
    "actual",
    [
        Limits(memory=0, memory_swap=0, memory_reservation=0, cpu_shares=0, nano_cpus=0, cpu_quota=0, pids_limit=None),
        Limits(memory=0, memory_swap=-1, memory_reservation=-1, cpu_shares=1024, cpu_quota=-1, pids_limit=0),
        Limits(nano_cpus=500000000, cpu_quota=-1, cpuset_cpus="0-3"),
    ],
    ids=["never limited", "lifted", "processors lifted"],
)
def test_what_is_not_limited_is_never_updated(actual):
    """A container made without limits and one whose limits were lifted are alike, however the engine records it."""
    assert gap(Limits(), actual, EVERY) == gap(Limits(), Limits(), EVERY)
    assert not gap(Limits(), actual, EVERY).settable


@pytest.mark.parametrize(
    ("declared", "actual", "said"),
    [
        (Limits(), Limits(memory=64 * MIB), "memory is still limited to 67108864"),
        (
            Limits(memory=64 * MIB, memory_swap=-1),
            Limits(memory=64 * MIB, memory_swap=64 * MIB),
            "memory_swap is still limited to 67108864",
        ),
        (
            Limits(nano_cpus=500000000),
            Limits(nano_cpus=500000000, cpu_quota=-1),
            "cpu_quota=50000 cannot be set again, because cpus were lifted before",
        ),
    ],
)
def test_what_a_living_container_cannot_be_given_is_said(declared, actual, said):
    """The engine refuses it, ignores it, or would forget it at the next start."""
    assert (settable(declared, actual), stuck(declared, actual)) == ("", (said,))


def test_without_knowing_the_processors_a_cpuset_is_told_and_not_lifted():
    """The engine ignores an empty list, so all there are must be named."""
    assert stuck(actual=Limits(cpuset_cpus="0"), processors="") == ("cpuset_cpus is still limited to 0",)


@pytest.mark.parametrize("written", ["0-3", "0,1,2,3", None])
@pytest.mark.parametrize("recorded", ["0-3", "", None])
def test_all_processors_are_no_cpuset(written, recorded):
    """However a definition and the engine write that nothing is bound, it is no difference."""
    assert settable(Limits(cpuset_cpus=written), Limits(cpuset_cpus=recorded)) == ""


def test_undeclared_swap_is_what_the_engine_makes_of_the_memory_limit():
    """Twice the memory is the engine's own; another value was declared once and goes back to that."""
    declared = Limits(memory=64 * MIB)
    assert settable(declared, Limits(memory=64 * MIB, memory_swap=128 * MIB)) == ""
    assert settable(declared, Limits(memory=64 * MIB, memory_swap=64 * MIB)) == "memory_swap=134217728"
    assert settable(declared, Limits(memory=32 * MIB, memory_swap=64 * MIB)) == "memory=67108864, memory_swap=134217728"
    assert settable(declared, Limits(memory=64 * MIB, memory_swap=0)) == ""


@pytest.mark.parametrize(
    ("declared", "actual", "change"),
    [
        (Limits(nano_cpus=500000000), Limits(cpu_quota=50000), ""),
        (Limits(nano_cpus=500000000), Limits(cpu_quota=20000), "cpu_quota=50000"),
        (Limits(nano_cpus=500000000), Limits(cpu_quota=-1), "cpu_quota=50000"),
        (Limits(cpu_quota=50000), Limits(nano_cpus=500000000), ""),
        (Limits(cpu_quota=20000), Limits(nano_cpus=500000000), "nano_cpus=200000000"),
        (Limits(cpu_quota=20000), Limits(), "cpu_quota=20000"),
        (Limits(nano_cpus=500000000), Limits(), "nano_cpus=500000000"),
        (Limits(nano_cpus=333333333), Limits(nano_cpus=333333333), ""),
        (Limits(nano_cpus=333333333), Limits(cpu_quota=33333), ""),
    ],
)
def test_processor_time_is_set_in_the_form_the_container_has_it(declared, actual, change):
    """The engine refuses `cpus` where a quota was set and the other way round; half a processor is a quota of 50000."""
    assert settable(declared, actual) == change


_SIZES = st.sampled_from([None, -1, 0, 6 * MIB, 64 * MIB, 128 * MIB])
_LIMITS = st.builds(
    Limits,
    memory=_SIZES,
    memory_swap=_SIZES,
    memory_reservation=_SIZES,
    cpu_shares=st.sampled_from([None, 0, 2, 7, 1024]),
    nano_cpus=st.sampled_from([None, 0, 333333333, 500000000]),
    cpu_quota=st.sampled_from([None, -1, 0, 20000, 50000]),
    cpuset_cpus=st.sampled_from([None, "0", "0-1", "0-3"]),
    pids_limit=st.sampled_from([None, -1, 0, 20]),
)


@given(_LIMITS, _LIMITS, st.sampled_from(["", EVERY]))
def test_once_it_is_set_there_is_nothing_more_to_set(declared, actual, processors):
    """Whatever was declared and is there, one update is enough, so none is made at each look."""
    live = container(limits=actual)
    live = replace(live, details=replace(live.details, processors=processors))
    first = gap(declared, actual, processors)
    after = project(seen(live), "web", Update("web", limits=first.settable)).live
    assert not gap(declared, after.details.limits, processors).settable
