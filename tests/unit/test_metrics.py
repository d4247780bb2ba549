import ast
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from paunchd import reconcile
from paunchd.metrics import LANE_REASONS, PASS_OUTCOMES, ROLLBACK_REASONS, Metrics
from paunchd.reconcile.model import RESET_AFTER_SECONDS, Health, Observed, Reject, Seen, State, Status
from paunchd.reconcile.plan import plan
from tests import snapshots
from tests.snapshots import SECRET
from tests.unit.places import RULES
from tests.unit.situations import any_facts

WALL = 1_795_348_800.0


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics(clock):
    return Metrics(CollectorRegistry(), clock, lambda: WALL + clock.now)


def value(metrics, metric, /, **labels):
    return metrics.registry.get_sample_value(f"paunchd_{metric}", labels)


def test_two_daemons_do_not_meet():
    """Each registry counts alone."""
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.observe_pass("done", 0.1)
    assert value(one, "pass_duration_seconds_count") == 1
    assert value(other, "pass_duration_seconds_count") == 0


def test_pass_duration_is_a_histogram(metrics):
    """The duration of a pass is a histogram with a sum and a count."""
    metrics.observe_pass("done", 0.5)
    metrics.observe_pass("done", 0.25)
    assert value(metrics, "pass_duration_seconds_sum") == 0.75
    assert value(metrics, "pass_duration_seconds_count") == 2


def test_counts(metrics):
    """Engine calls, health tests, lanes, rollouts and rollbacks are counted by verb, outcome and reason."""
    metrics.count_engine_call("create", "ok", 0.2)
    metrics.count_probe("timed-out")
    metrics.count_store_failure()
    metrics.count_lane("config-changed", "done")
    metrics.count_rollout("config-changed")
    metrics.count_rollback("web", "unhealthy")
    metrics.observe_switch_downtime(1.5)
    metrics.observe_loop_lag(0.02)
    assert value(metrics, "engine_calls_total", verb="create", outcome="ok") == 1
    assert value(metrics, "engine_call_duration_seconds_count", verb="create") == 1
    assert value(metrics, "probes_total", outcome="timed-out") == 1
    assert value(metrics, "store_failures_total") == 1
    assert value(metrics, "lanes_total", reason="config-changed", outcome="done") == 1
    assert value(metrics, "rollouts_total", reason="config-changed") == 1
    assert value(metrics, "rollbacks_total", reason="unhealthy") == 1
    assert value(metrics, "switch_downtime_seconds_sum") == 1.5
    assert value(metrics, "event_loop_lag_seconds_sum") == 0.02


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
    assert value(metrics, "lanes_in_flight") == 1


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


def test_the_last_pass_is_one_that_was_done(metrics, clock):
    """A pass that crashed, or found no engine, is counted and is no sign of life."""
    clock.now += 1
    metrics.observe_pass("done", 0.1)
    clock.now += 1
    metrics.observe_pass("crashed", 0.1)
    metrics.observe_pass("engine-away", 0.1)
    assert value(metrics, "last_pass_timestamp_seconds") == WALL + 101
    assert [value(metrics, "passes_total", outcome=outcome) for outcome in PASS_OUTCOMES] == [1, 1, 1]


def test_before_the_first_pass_the_daemons_beginning_counts(metrics, clock):
    """A daemon that never takes a pass can be told from one that has just begun."""
    clock.now += 60
    assert value(metrics, "last_pass_timestamp_seconds") == WALL + 100


def test_each_name_has_its_state_and_no_other(metrics):
    """One series a name, whose label is the state of now; it goes with the name."""
    metrics.update(snapshots.troubled())
    assert value(metrics, "container_state", name="back", state="rolled-back") == 1
    assert value(metrics, "container_state", name="back", state="running") is None
    metrics.update(snapshots.settled())
    assert value(metrics, "container_state", name="back", state="rolled-back") is None
    assert value(metrics, "container_state", name="web", state="running") == 1


def test_why_a_name_is_rolled_back(metrics):
    """The reason of its last rejection, or that it was rejected before the daemon began; it goes with the state."""
    metrics.update(snapshots.troubled())
    assert value(metrics, "container_rejected", name="back", reason="earlier") == 1
    metrics.count_rollback("back", "deadline")
    metrics.update(snapshots.troubled())
    assert value(metrics, "container_rejected", name="back", reason="deadline") == 1
    assert value(metrics, "container_rejected", name="back", reason="earlier") is None
    metrics.update(snapshots.snapshot(Status("back", State.PARKED, "still down")))
    assert value(metrics, "container_rejected", name="back", reason="deadline") == 1
    metrics.update(snapshots.snapshot(Status("back", State.RUNNING, settled=True)))
    assert value(metrics, "container_rejected", name="back", reason="deadline") is None


def test_a_reason_is_forgotten_with_its_name(metrics):
    """Names come and go for years."""
    metrics.count_rollback("back", "deadline")
    metrics.update(snapshots.settled())
    metrics.update(snapshots.troubled())
    assert value(metrics, "container_rejected", name="back", reason="earlier") == 1


def test_the_oldest_unsettled_name_counts(metrics, clock):
    """Since when something is left to do: as long as one name has been unsettled without a break, and then no more."""
    unsettled = {name: Status(name, State.FAILED, "exit code 3") for name in ("old", "new")}
    metrics.update(snapshots.snapshot(unsettled["old"]))
    clock.now += 10
    metrics.update(snapshots.snapshot(*unsettled.values()))
    assert value(metrics, "oldest_unsettled_timestamp_seconds") == WALL + 100
    clock.now += 10
    metrics.update(snapshots.snapshot(Status("old", State.RUNNING, settled=True), unsettled["new"]))
    assert value(metrics, "oldest_unsettled_timestamp_seconds") == WALL + 110
    metrics.update(snapshots.settled())
    assert value(metrics, "oldest_unsettled_timestamp_seconds") is None


def test_an_engine_away_and_a_hold_make_nothing_unsettled(metrics):
    """What is not known is not counted, and what a person holds waits for nobody."""
    metrics.update(snapshots.settled())
    metrics.update(replace(snapshots.settled(), engine="refused"))
    assert value(metrics, "oldest_unsettled_timestamp_seconds") is None
    metrics.update(snapshots.snapshot(Status("web", State.HELD, "held by an operator")))
    assert value(metrics, "oldest_unsettled_timestamp_seconds") is None


def test_failed_attempts_count_while_they_are_recent(metrics, clock):
    """Who is tried again and again is named, until ten minutes have been quiet."""
    clock.now = snapshots.MONOTONIC
    metrics.update(snapshots.troubled())
    assert value(metrics, "container_failed_attempts", name="again") == 3
    assert value(metrics, "container_failed_attempts", name="fine") is None
    clock.now += RESET_AFTER_SECONDS
    metrics.update(snapshots.troubled())
    assert value(metrics, "container_failed_attempts", name="again") is None


def test_restarts_of_the_present_container(metrics):
    """The engine's own count; it begins again with a new container, as a counter may."""
    good = snapshots.settled()
    live = snapshots.container("web")
    looping = replace(live, details=replace(live.details, restart_count=7))
    metrics.update(replace(good, observed=Observed({"web": Seen(live=looping)})))
    assert value(metrics, "container_restarts_total", name="web") == 7
    metrics.update(good)
    assert value(metrics, "container_restarts_total", name="web") == 0
    metrics.update(replace(good, observed=Observed({})))
    assert value(metrics, "container_restarts_total", name="web") is None


def test_what_an_alert_counts_the_first_of_begins_at_zero(metrics):
    """Prometheus sees no increase in a series that begins with its first event."""
    assert [value(metrics, "rollbacks_total", reason=reason) for reason in ROLLBACK_REASONS] == [0] * 8
    assert [value(metrics, "lanes_total", reason=code, outcome="crashed") for code in LANE_REASONS] == [0] * len(
        LANE_REASONS
    )
    assert value(metrics, "passes_total", outcome="crashed") == 0
    assert value(metrics, "store_failures_total") == 0


@settings(deadline=None)
@given(any_facts())
def test_every_reason_of_a_plan_is_from_the_closed_set(facts):
    """Whatever a node has come to, what labels a metric is a code that is known beforehand."""
    lanes = plan(facts, RULES).lanes
    assert {lane.reason.code for lane in lanes} <= set(LANE_REASONS)
    rejects = [step for lane in lanes for step in lane.steps if isinstance(step, Reject)]
    assert {one.code for reject in rejects for one in (reject, *reject.others)} <= set(ROLLBACK_REASONS)


def test_every_reason_that_is_written_anywhere_is_from_the_closed_set():
    """Also one that only a rare situation leads to has its place and its zero; a lane is never begun for `none`."""
    places = Path(reconcile.__file__).parent.rglob("*.py")
    calls = [node for place in places for node in ast.walk(ast.parse(place.read_text())) if isinstance(node, ast.Call)]
    codes = {
        word.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Reason"
        for word in ast.walk(call.args[0])
        if isinstance(word, ast.Constant)
    }
    assert codes - {"none"} == set(LANE_REASONS)


def test_a_scrape_changes_nothing_and_costs_no_pass(metrics):
    """A scrape before the first pass tells what is known by then."""
    assert b"paunchd_build_info" in metrics.text()
    assert value(metrics, "settled") is None


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
    assert "_created" not in text
