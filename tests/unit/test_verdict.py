"""What a started container has proved by now (behaviour, section 7)."""

from dataclasses import replace

import pytest

from paunchd.reconcile.model import Health, Probe
from paunchd.reconcile.verdict import Failed, Gate, Healthy, Proven, Undecided, advance, gate_of, judge
from tests.unit.places import NOW, RULES, container, spec
from tests.unit.plans import trial

PLAIN = Gate(False, 2.0, 300.0, 300.0, 5)
TESTED = Gate(True, 2.0, 300.0, 300.0, 5)
WEB = container("web", "v1:new")
PASSED, MISSED = Probe(True), Probe(False, "connection refused")


def judged(memory, live=WEB, gate=PLAIN, now=NOW, *, has_good=True):
    return judge(memory, live, gate, now, has_good=has_good)


# --- the gate -----------------------------------------------------------------------------------------------------


def test_a_definition_sets_its_own_gate_and_the_settings_the_rest():
    """``rollout`` beats the settings, value by value; a zero is a value."""
    own = spec(healthcheck={"test": "true"}, rollout={"max_restarts": 0, "probation_seconds": "10s"})
    assert gate_of(own, RULES) == Gate(True, 2.0, 300.0, 10.0, 0)
    assert gate_of(spec(), RULES) == gate_of(None, RULES) == PLAIN


def test_a_disabled_health_test_leaves_time_as_the_only_proof():
    """``disable`` and timing without a test give us nothing to run."""
    for check in ({"disable": True}, {"interval": "5s"}):
        assert not gate_of(spec(healthcheck=check), RULES).tested


# --- memory from look to look -------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [None, container(state="created")])
def test_what_was_not_started_has_no_trial(live):
    """A container that is only prepared proves nothing, and its time does not run."""
    assert advance(trial(WEB), live, None, PLAIN, NOW) is None


def test_a_trial_begins_when_the_container_is_first_seen_started():
    """All time counts from our first look, so a restart of the daemon restarts the gate."""
    begun = advance(None, container("web", restart_count=7), None, PLAIN, NOW)
    assert (begun.since, begun.steady_since, begun.restarts, begun.healthy_at) == (NOW, NOW, 0, None)


def test_restarts_before_the_first_look_are_not_counted():
    """Whatever it went through under another daemon, it has gone through."""
    begun = advance(None, container("web", restart_count=7), None, PLAIN, NOW)
    assert advance(begun, container("web", restart_count=8, started_at="t1"), None, PLAIN, NOW).restarts == 1


def test_another_container_gets_a_trial_of_its_own():
    """What the one before it proved or suffered does not count."""
    begun = advance(trial(WEB, NOW - 50, restarts=4, healthy_at=NOW - 40), container(id="other"), None, PLAIN, NOW)
    assert (begun.container_id, begun.since, begun.restarts, begun.healthy_at) == ("other", NOW, 0, None)


def test_without_a_test_running_long_enough_is_healthy():
    """Two seconds without a restart, by default."""
    assert advance(trial(WEB, NOW - 1.9), WEB, None, PLAIN, NOW).healthy_at is None
    assert advance(trial(WEB, NOW - 2), WEB, None, PLAIN, NOW).healthy_at == NOW


def test_a_restart_begins_the_waiting_anew_and_is_counted():
    """Restarts are the engine's counter against what it was when we looked last."""
    again = container("web", restart_count=3, started_at="t1")
    seen = advance(trial(WEB, NOW - 60, restart_count=1, restarts=1), again, None, PLAIN, NOW)
    assert (seen.since, seen.steady_since, seen.restarts, seen.healthy_at) == (NOW - 60, NOW, 3, None)


def test_after_a_restart_the_time_is_collected_from_there():
    """One restart is one restart, and running long enough after it is healthy."""
    again = container("web", restart_count=1, started_at="t1")
    restarted = advance(trial(WEB, NOW - 60), again, None, PLAIN, NOW)
    later = advance(restarted, again, None, PLAIN, NOW + 2)
    assert (later.steady_since, later.restarts, later.healthy_at) == (NOW, 1, NOW + 2)


def test_a_start_by_hand_sets_the_engines_counter_back_and_loses_none_of_ours():
    """The engine counts from zero again; what we counted stays."""
    again = container("web", restart_count=0, started_at="t1")
    seen = advance(trial(WEB, NOW - 60, restart_count=4, restarts=4), again, None, PLAIN, NOW)
    assert (seen.restarts, seen.restart_count) == (4, 0)


def test_a_restarting_container_is_never_steady():
    """Between two runs no time is collected, although the engine's time stamp stays."""
    seen = advance(trial(WEB, NOW - 60), container("web", state="restarting", restart_count=1), None, PLAIN, NOW)
    assert (seen.steady_since, seen.restarts, seen.healthy_at) == (NOW, 1, None)


def test_a_restart_that_is_seen_twice_is_counted_once():
    """While the engine waits between two runs its counter stands still, however often we look."""
    waiting = container("web", state="restarting", restart_count=3)
    assert advance(trial(WEB, NOW - 60, restart_count=3, restarts=2), waiting, None, PLAIN, NOW).restarts == 2


@pytest.mark.parametrize("state", ["exited", "paused", "restarting", "dead"])
def test_only_a_running_container_can_become_healthy(state):
    """Time alone, or a test passed a moment ago, proves nothing of what does not run."""
    assert advance(trial(WEB, NOW - 60), container("web", state=state), None, PLAIN, NOW).healthy_at is None
    assert advance(trial(WEB, NOW - 60), container("web", state=state), PASSED, TESTED, NOW).healthy_at is None


@pytest.mark.parametrize(
    ("health", "probe", "healthy"),
    [
        (Health.NONE, None, False),
        (Health.NONE, MISSED, False),
        (Health.NONE, PASSED, True),
        (Health.STARTING, PASSED, True),
        (Health.STARTING, None, False),
        (Health.HEALTHY, None, True),
        (Health.HEALTHY, MISSED, True),
        (Health.UNHEALTHY, PASSED, False),
    ],
)
def test_with_a_test_it_has_to_pass_once(health, probe, healthy):
    """Ours or the engine's, whichever is first; but the engine must not be saying the opposite."""
    seen = advance(trial(WEB, NOW - 60), container("web", health=health), probe, TESTED, NOW)
    assert (seen.healthy_at is not None) is healthy


@pytest.mark.parametrize(("health", "healthy"), [(Health.STARTING, False), (Health.HEALTHY, True)])
def test_the_images_own_test_counts_where_the_definition_has_none(health, healthy):
    """A test we cannot run is the engine's to run, and time alone is not enough."""
    seen = advance(trial(WEB, NOW - 60), container("web", health=health), None, PLAIN, NOW)
    assert (seen.healthy_at is not None) is healthy


def test_once_healthy_the_moment_stays():
    """Probation counts from the first time, not from each look."""
    assert advance(trial(WEB, NOW - 60, healthy_at=NOW - 50), WEB, None, PLAIN, NOW).healthy_at == NOW - 50


# --- the verdict --------------------------------------------------------------------------------------------------


def test_before_health_it_is_undecided_until_it_could_be_healthy():
    """The timer is the earliest moment anything can change by time alone."""
    assert judged(trial(WEB, NOW - 1)) == Undecided(NOW + 1)
    assert judged(trial(WEB, NOW - 1), gate=TESTED) == Undecided(NOW + 299)
    assert judged(trial(WEB, NOW - 299.5, steady_since=NOW)) == Undecided(NOW + 0.5)


@pytest.mark.parametrize("has_good", [True, False])
def test_past_the_deadline_it_has_failed(has_good):
    """Not healthy in time is said with or without a good revision."""
    assert judged(trial(WEB, NOW - 300), has_good=has_good) == Failed("deadline", "not healthy within 300 s")


def test_the_deadline_counts_from_the_first_start_whatever_restarts():
    """A crash loop does not push its own deadline away."""
    assert isinstance(judged(trial(WEB, NOW - 300, steady_since=NOW), gate=TESTED), Failed)


def test_healthy_lasts_until_the_end_of_probation():
    """Then it is proven, to the second."""
    assert judged(trial(WEB, NOW - 90, healthy_at=NOW - 80)) == Healthy(NOW + 220)
    assert judged(trial(WEB, NOW - 390, healthy_at=NOW - 300)) == Proven()


@pytest.mark.parametrize("state", ["restarting", "paused", "exited"])
def test_what_is_down_when_probation_ends_is_not_proven_yet(state):
    """The end of probation has to be lived through; soon after it is looked at again."""
    down = container("web", state=state)
    assert judged(trial(WEB, NOW - 390, healthy_at=NOW - 300), down) == Healthy(NOW + 2)


def test_the_look_after_a_probation_that_ended_badly_is_a_second_away_at_least():
    """A gate without a waiting time must not make the next look come at once, and the next, without end."""
    hasty = replace(PLAIN, min_healthy_seconds=0.0)
    assert judged(trial(WEB, healthy_at=NOW - 300), container("web", state="restarting"), hasty) == Healthy(NOW + 1)


def test_unhealthy_in_probation_is_a_failure():
    """The engine's own check turned against it after it had been healthy."""
    ill = container("web", health=Health.UNHEALTHY)
    assert judged(trial(WEB, healthy_at=NOW), ill) == Failed("unhealthy", "became unhealthy in probation")


def test_unhealthy_before_health_is_only_not_healthy_yet():
    """A slow start that fails its first checks has until the deadline (T-075)."""
    assert judged(trial(WEB), container("web", health=Health.UNHEALTHY)) == Undecided(NOW + 300)


@pytest.mark.parametrize(("restarts", "failed"), [(5, False), (6, True)])
def test_more_restarts_than_allowed_are_a_failure(restarts, failed):
    """In the gate and in probation alike, with the last exit code for a hint."""
    live = container("web", state="restarting", exit_code=3)
    for memory in (trial(WEB, restarts=restarts), trial(WEB, restarts=restarts, healthy_at=NOW)):
        assert isinstance(judged(memory, live), Failed) is failed


def test_without_a_good_revision_restarts_are_no_failure():
    """On a first roll-out services wait for each other."""
    assert isinstance(judged(trial(WEB, restarts=99), has_good=False), Undecided)


@pytest.mark.parametrize(
    ("restart", "code", "restarts", "verdict"),
    [
        ("no", 3, 0, Failed("exited", "exited with code 3")),
        ("no", 0, 0, Proven()),
        ("on-failure", 0, 0, Proven()),
        ("on-failure", 3, 0, Undecided(NOW + 300)),
        ("on-failure:2", 3, 1, Undecided(NOW + 300)),
        ("on-failure:2", 3, 2, Failed("exited", "exited with code 3")),
        ("always", 3, 0, Undecided(NOW + 300)),
        ("always", 0, 0, Undecided(NOW + 300)),
    ],
)
def test_an_end_is_judged_by_the_restart_policy(restart, code, restarts, verdict):
    """What nobody will start again has failed, or has done all it was to do; the rest comes back."""
    ended = container("web", state="exited", exit_code=code, restart=restart)
    assert judged(trial(WEB, restarts=restarts), ended) == verdict


@pytest.mark.parametrize("has_good", [True, False])
def test_out_of_memory_is_a_failure_whatever_else_holds(has_good):
    """A healthy container that the kernel kills has failed, also with an exit code of 0."""
    killed = container("web", oom_killed=True)
    assert judged(trial(WEB, healthy_at=NOW), killed, has_good=has_good).code == "oom"


def test_every_failure_has_a_code_from_the_closed_set():
    """Codes label metrics, so there are few and they are known."""
    failures = [
        judged(trial(WEB, NOW - 300)),
        judged(trial(WEB, restarts=6)),
        judged(trial(WEB), container("web", state="exited", exit_code=1, restart="no")),
        judged(trial(WEB), container("web", oom_killed=True)),
        judged(trial(WEB, healthy_at=NOW), container("web", health=Health.UNHEALTHY)),
    ]
    assert [failure.code for failure in failures] == ["deadline", "restarts", "exited", "oom", "unhealthy"]
