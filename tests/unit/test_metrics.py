from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from paunchd.metrics import Metrics
from paunchd.reconcile.model import Health, Observed, Seen
from tests import snapshots
from tests.snapshots import SECRET


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics(clock):
    return Metrics(CollectorRegistry(), clock)


def value(metrics, metric, /, **labels):
    return metrics.registry.get_sample_value(f"paunchd_{metric}", labels)


def test_two_daemons_do_not_meet():
    """Each registry counts alone."""
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.observe_pass(0.1)
    assert value(one, "pass_duration_seconds_count") == 1
    assert value(other, "pass_duration_seconds_count") == 0


def test_pass_duration_is_a_histogram(metrics):
    """The duration of a pass is a histogram with a sum and a count."""
    metrics.observe_pass(0.5)
    metrics.observe_pass(0.25)
    assert value(metrics, "pass_duration_seconds_sum") == 0.75
    assert value(metrics, "pass_duration_seconds_count") == 2


def test_counts(metrics):
    """Engine calls, lanes, rollouts and rollbacks are counted by verb, outcome and reason."""
    metrics.count_engine_call("create", "ok", 0.2)
    metrics.count_lane("config-changed", "done")
    metrics.count_rollout("config-changed")
    metrics.count_rollback("unhealthy")
    metrics.observe_switch_downtime(1.5)
    metrics.observe_loop_lag(0.02)
    assert value(metrics, "engine_calls_total", verb="create", outcome="ok") == 1
    assert value(metrics, "engine_call_duration_seconds_count", verb="create") == 1
    assert value(metrics, "lanes_total", reason="config-changed", outcome="done") == 1
    assert value(metrics, "rollouts_total", reason="config-changed") == 1
    assert value(metrics, "rollbacks_total", reason="unhealthy") == 1
    assert value(metrics, "switch_downtime_seconds_sum") == 1.5
    assert value(metrics, "event_loop_lag_seconds") == 0.02


def test_gauges(metrics):
    """A snapshot sets states, generations, broken files, held removals, engine and source."""
    metrics.update(snapshots.troubled())
    assert value(metrics, "containers", state="running") == 1
    assert value(metrics, "containers", state="rolled-back") == 1
    assert value(metrics, "containers", state="parked") == 0
    assert value(metrics, "generation") == 7
    assert value(metrics, "observed_generation") == 7
    assert value(metrics, "broken_files") == 1
    assert value(metrics, "warnings") == 1
    assert value(metrics, "held_removals") == 1
    assert value(metrics, "engine_up") == 1
    assert value(metrics, "source_ok") == 1
    assert value(metrics, "settled") == 0


def test_engine_away(metrics):
    """While the engine is away its gauge is 0, and every name is unknown."""
    metrics.update(replace(snapshots.settled(), engine="refused"))
    assert value(metrics, "engine_up") == 0
    assert value(metrics, "containers", state="unknown") == 1


def test_ready_seconds(metrics, clock):
    """Time counts as expected while a container is declared, and as ready while it serves."""
    good = snapshots.settled()
    sick = snapshots.container("web", health=Health.UNHEALTHY)
    metrics.update(good)
    clock.now += 10
    metrics.update(replace(good, observed=Observed({"web": Seen(live=sick)})))
    clock.now += 5
    metrics.update(replace(good, engine="refused"))
    clock.now += 100
    metrics.update(good)
    assert value(metrics, "container_expected_seconds_total", name="web") == 15
    assert value(metrics, "container_ready_seconds_total", name="web") == 10


def test_undeclared_names_leave_the_metrics(metrics, clock):
    """A name no config declares any more has no series, so names do not pile up."""
    metrics.update(snapshots.settled())
    clock.now += 1
    metrics.update(snapshots.settled())
    metrics.update(snapshots.snapshot())
    assert value(metrics, "container_expected_seconds_total", name="web") is None


def test_convergence(metrics, clock):
    """Convergence is the time from a changed directory until everything is settled."""
    good = snapshots.settled()
    metrics.update(good)
    clock.now += 1
    newer = replace(good, desired=replace(good.desired, generation=8))
    metrics.update(newer)
    clock.now += 4
    metrics.update(replace(newer, observed_generation=8))
    assert value(metrics, "convergence_seconds_sum") == 4
    assert value(metrics, "convergence_seconds_count") == 1


def test_exposition(metrics):
    """What is exposed parses, names the process, and holds no planted secret."""
    metrics.update(snapshots.troubled())
    text = metrics.text().decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert {"paunchd_pass_duration_seconds", "paunchd_containers", "process_open_fds"} <= families
    assert SECRET not in text
