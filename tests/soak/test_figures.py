"""A soak's figures are told rightly: of made-up samples, without an engine."""

import math
import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.soak import figures, report
from tests.soak.course import Outcome, Wish
from tests.soak.figures import MIB, Sample

EVERY_SECONDS = 10
IN_TIME = {0.001: 900.0, 0.025: 995.0, 0.05: 1000.0, math.inf: 1000.0}
LATE = {0.001: 900.0, 0.05: 980.0, 0.1: 1000.0, math.inf: 1000.0}


def sample(at, **changed):
    steady = Sample(
        at=at,
        pid=1,
        fds=20,
        threads=20,
        rss_bytes=70 * MIB,
        store_bytes=4 * MIB,
        passes=at,
        lanes={"done new": 3.0},
        rollouts={"new": 3.0},
        rollbacks={},
        late=IN_TIME,
        ran_seconds=100.0,
        waited_seconds=10.0,
        load=1.0,
    )
    return replace(steady, **changed)


def samples(minutes=20, **grown):
    """Samples of one life; *grown* says by how much a figure grows in an hour."""
    made = [sample(at) for at in range(0, minutes * 60, EVERY_SECONDS)]
    return [
        replace(one, **{name: round(getattr(one, name) + each * one.at / 3600) for name, each in grown.items()})
        for one in made
    ]


def outcome(taken, violations=(), control=IN_TIME):
    wish = Wish(minutes=20, size=3, seed=1)
    return Outcome(wish, 1200.0, taken, control, Counter({200: 5}), Counter({"SIGHUP": 1}), [3.0], [*violations], "log")


@pytest.mark.parametrize(
    ("name", "each", "told"),
    [
        ("fds", 120, "open files grow by 120."),
        ("threads", 60, "threads grow by 60."),
        ("rss_bytes", 60 * MIB, "memory (MiB) grow by 60."),
        ("store_bytes", 12 * MIB, "store (MiB) grow by 12."),
    ],
)
def test_what_grows_is_reported(name, each, told):
    """One file or thread every minute or half, or a mebibyte a minute, is a leak, and the soak has failed."""
    (found,) = report.findings(outcome(samples(**{name: each})))
    assert found.startswith(told)


def test_what_goes_up_and_down_is_no_leak():
    """Connections and threads come and go; the line through them is level, give or take."""
    dice = random.Random(1)
    restless = [
        replace(one, fds=one.fds + dice.randrange(12), threads=one.threads + dice.randrange(4)) for one in samples()
    ]
    assert report.findings(outcome(restless)) == []


def test_growth_counts_within_one_life_after_its_beginning():
    """What a daemon builds at first is no leak, nor is what its next life begins with."""
    beginning = [sample(at, fds=20 + at // 3) for at in range(0, 240, EVERY_SECONDS)]
    steady = [sample(at, fds=100) for at in range(240, 1200, EVERY_SECONDS)]
    after = [sample(at, pid=2, fds=1000) for at in range(1200, 1300, EVERY_SECONDS)]
    assert figures.leaks([*beginning, *steady, *after]) == []


def test_a_life_too_short_to_judge_is_not_judged():
    """A few samples make no trend."""
    assert figures.leaks([sample(at, fds=20 + at) for at in range(0, 60, EVERY_SECONDS)]) == []


def test_a_violation_is_reported():
    """Whatever invariant was broken, the soak has failed, and its report says so first."""
    told = report.told(outcome(samples(), ["I2: 2 containers of web ran at once"]))
    assert told.index("failed") < told.index("I2: 2 containers of web ran at once") < told.index("lag")


def test_a_late_event_loop_is_reported_with_what_the_machine_did_meanwhile():
    """The daemon is to blame only where an idle process was in time, and processors were there to be had."""
    late = [replace(one, late=LATE) for one in samples()]
    (blamed,) = report.findings(outcome(late))
    assert "p99 lag is 75 ms" in blamed
    assert "too busy" not in blamed
    waiting = [replace(one, late=LATE, waited_seconds=300.0) for one in samples()]
    for found in (report.findings(outcome(late, control=LATE)), report.findings(outcome(waiting))):
        assert found[0].endswith("the machine is too busy to tell")


def test_a_soak_without_a_single_sample_has_failed():
    """Nothing was measured, so nothing was shown."""
    assert report.findings(outcome([])) == ["no sample was taken"]
    assert "failed" in report.told(outcome([]))


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 0.0005 / 0.9), (0.9, 0.001), (0.99, 0.025 - 0.024 * 5 / 95), (1.0, 0.05)]
)
def test_a_quantile_lies_between_the_bounds_of_its_bucket(share, value):
    """Half of what is counted below a bound is below half of it, and so on."""
    assert figures.quantile(IN_TIME, share) == pytest.approx(value)


def test_what_is_above_all_bounds_is_told_as_the_highest():
    """A histogram says no more than that."""
    assert figures.quantile({1.0: 0.0, math.inf: 5.0}, 0.99) == 1.0
    assert figures.quantile({}, 0.99) == 0.0


def test_counters_add_up_over_the_lives_of_the_daemon():
    """A daemon that is killed begins to count anew."""
    lives = [sample(0), sample(10, lanes={"done new": 5.0}), sample(20, pid=2, lanes={"done verdict": 1.0})]
    assert figures.total(lives, lambda one: one.lanes) == {"done new": 5.0, "done verdict": 1.0}


def test_the_slope_is_that_of_the_least_squares():
    """Three points that are on no line."""
    assert figures.slope([(0, 0), (1, 2), (2, 1)]) == pytest.approx(0.5)
    assert figures.slope([(1, 5)]) == 0.0


def test_a_report_leaves_its_samples_and_on_failure_the_log(tmp_path):
    """What was measured can be looked at again; the daemon's log is of use only where something is wrong."""
    report.write(outcome(samples()), tmp_path / "passed")
    report.write(outcome(samples(fds=600)), tmp_path / "failed")
    assert sorted(path.name for path in (tmp_path / "passed").iterdir()) == ["report.md", "samples.json"]
    assert (tmp_path / "failed" / "daemon.log").read_text() == "log"
