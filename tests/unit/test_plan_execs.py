"""Execs, as plans (behaviour, section 8)."""

from dataclasses import replace
from inspect import cleandoc

import pytest

from paunchd.reconcile.model import Health, Past, Result, RunExec, State, Status
from tests.unit.places import NOW, container, good, item, of
from tests.unit.plans import attempt, begun, blocked, planned, standing, trial

DB = item("db", "tripleo_step3", hash_="v1:db")
SETUP = item("setup", "tripleo_step4", hash_="v1:setup", action="exec", image="", command=["db", "setup", "-v"])
DB_GOOD = {"db": good(DB)}


def exec_past(succeeded, key="v1:setup@v1:db", code=0, **fields):
    return {"setup": Past(known=True, results={key: Result(succeeded, code)}, **fields)}


def test_an_exec_runs_in_the_container_that_has_its_targets_declared_name():
    """The target may be of any config; it is addressed by the id it has now (T-058)."""
    made = planned([DB, SETUP], [of(DB)], DB_GOOD)
    assert str(made) == "setup: new\n  exec setup in db"
    step = made.lanes[0].steps[0]
    assert isinstance(step, RunExec)
    assert (step.container_id, step.key) == ("id-db", "v1:setup@v1:db")
    assert made.lanes[0].revision == step.key
    assert made.statuses["setup"].reason == "new"
    assert step.spec.exec_command == ("setup", "-v")


def test_an_exec_carries_its_environment_user_and_privilege():
    """What the definition sets for the command goes with it (T-050)."""
    keys = {"environment": {"A": "1"}, "user": "root", "privileged": "true"}
    one = item("setup", action="exec", image="", command=["db", "setup"], **keys)
    step = planned([DB, one], [of(DB)], DB_GOOD).lanes[0].steps[0]
    assert (step.spec.environment, step.spec.user, step.spec.privileged) == ((("A", "1"),), "root", True)


def test_an_exec_is_done_once_for_its_own_hash_and_its_targets():
    """A success stands as long as both stay the same."""
    made = planned([DB, SETUP], [of(DB)], DB_GOOD | exec_past(True))
    assert str(made) == ""
    assert (made.statuses["setup"].state, made.statuses["setup"].settled) == (State.SUCCEEDED, True)


@pytest.mark.parametrize("key", ["v1:older@v1:db", "v1:setup@v1:older"])
def test_an_exec_runs_again_when_it_or_its_target_has_changed(key):
    """A replaced target has not been set up yet, and a changed command has not been run."""
    assert str(planned([DB, SETUP], [of(DB)], DB_GOOD | exec_past(True, key))) == "setup: new\n  exec setup in db"


def test_an_exec_is_not_run_again_because_its_target_was_restarted_or_made_again():
    """Another container at the same revision is the same target."""
    made = planned([DB, SETUP], [of(DB, id="again", started_at="t9")], DB_GOOD | exec_past(True))
    assert str(made) == ""


def test_an_exec_waits_until_its_target_is_healthy():
    """A target in its gate is not ready, for up to 30 s (T-057)."""
    live = of(DB)
    past = {"db": Past(known=True, trial=trial(live, NOW - 1))}
    made = planned([DB, SETUP], [live], past)
    status = made.statuses["setup"]
    assert (status.state, status.blocked_by, status.until) == (State.BLOCKED, ("db",), NOW + 29)
    assert status.reason == "its target db is not healthy yet"


@pytest.mark.parametrize(
    ("fields", "memory"),
    [({"health": Health.HEALTHY}, {}), ({}, {"healthy_at": NOW}), ({}, {"since": NOW - 30})],
    ids=["engine-says-healthy", "passed-its-gate", "ran-30-seconds"],
)
def test_an_exec_begins_when_its_target_is_healthy_or_has_run_for_30_seconds(fields, memory):
    """Whichever comes first: some targets become healthy only by what the exec does."""
    tested = item("db", "tripleo_step3", hash_="v1:db", healthcheck={"test": "true"})
    live = of(tested, **fields)
    past = {"db": Past(known=True, trial=trial(live, **memory))}
    assert [lane.name for lane in planned([tested, SETUP], [live], past).lanes if lane.name == "setup"]


def test_a_proven_target_is_ready_whatever_its_trial_was_like():
    """It was proven once, and a trial that has not been put away yet says nothing against it."""
    past = {"db": good(DB, trial=trial(of(DB), NOW - 1))}
    assert str(planned([DB, SETUP], [of(DB)], past)).endswith("exec setup in db")


def test_an_exec_waits_for_its_turn():
    """It brings something new, so what failed before it holds it up."""
    sync = item("sync", "tripleo_step3", step=3, detach=False, restart="no", hash_="v1:sync")
    late = replace(SETUP, step=4)
    failed = {"sync": Past(known=True, results={"v1:sync": Result(succeeded=False, exit_code=1)})}
    assert blocked(planned([DB, sync, late], [of(DB)], DB_GOOD | failed)) == {"setup": ("sync",)}


def test_what_comes_after_an_exec_begins_when_it_is_done():
    """By its start order and by its dependency alike."""
    after = item("after", "tripleo_step4", start_order=1)
    needy = item("needy", "elsewhere", depends_on={"setup": "completed"})
    items = [DB, SETUP, after, needy]
    assert begun(planned(items, [of(DB)], DB_GOOD)) == ["setup"]
    assert begun(planned(items, [of(DB)], DB_GOOD | exec_past(True))) == ["after", "needy"]


def test_a_held_exec_is_not_run():
    """An operator's hold stops whatever is about to be done under the name."""
    made = planned([DB, SETUP], [of(DB)], DB_GOOD | {"setup": Past(hold=True)})
    assert str(made) == ""
    assert made.statuses["setup"].state is State.HELD


def test_an_exec_whose_target_nobody_declares_fails_alone():
    """The absence of a target is that item's failure; the others go on (T-057, T-117)."""
    made = planned([SETUP, item("other")])
    assert [lane.name for lane in made.lanes] == ["other"]
    status = made.statuses["setup"]
    assert (status.state, status.reason) == (State.FAILED, "its target db is not there and no config declares it")


@pytest.mark.parametrize("containers", [[], [of(DB, state="exited")], [of(DB, state="restarting")]])
def test_an_exec_waits_for_a_declared_target_that_does_not_run(containers):
    """A target that will come is waited for, and named."""
    status = standing("setup", [DB, SETUP], containers, DB_GOOD)
    assert status == Status("setup", State.BLOCKED, "its target db is not running", blocked_by=("db",))


def test_an_exec_waits_while_its_target_is_being_worked_on():
    """A container that is just being replaced is no place to begin a command in."""
    status = standing("setup", [DB, SETUP], [of(DB)], DB_GOOD, in_flight=["db"])
    assert status == Status("setup", State.BLOCKED, "its target db is being worked on", blocked_by=("db",))


def test_an_exec_never_runs_in_a_foreign_container():
    """A container without our label is not the target, whatever its name."""
    assert standing("setup", [DB, SETUP], foreign=["db"]).state is State.BLOCKED


def test_a_failed_exec_stays_failed_until_it_or_its_target_changes():
    """It is not counted as done, blocks what follows, and says what to do."""
    after = item("after", "tripleo_step4", start_order=1)
    made = planned([DB, SETUP, after], [of(DB)], DB_GOOD | exec_past(False, code=4))
    assert str(made) == ""
    assert made.statuses["setup"].state is State.FAILED
    assert made.statuses["setup"].reason.startswith("exit code 4; runs again")
    assert made.statuses["after"].blocked_by == ("setup",)


def test_an_exec_is_retried_with_back_off():
    """Retries count runs of the same pair of hashes."""
    one = replace(SETUP, spec=SETUP.spec.model_copy(update={"retries": 1}))
    key = "v1:setup@v1:db"
    waiting = DB_GOOD | exec_past(False, code=4, attempt=attempt(key, NOW + 3))
    assert standing("setup", [DB, one], [of(DB)], waiting).until == NOW + 3
    again = planned([DB, one], [of(DB)], DB_GOOD | exec_past(False, code=4))
    assert str(again) == "setup: retry (attempt 2)\n  exec setup in db"


def test_an_exec_cut_off_by_a_crash_is_run_again():
    """No result means not done; TripleO's execs may be repeated."""
    past = DB_GOOD | {"setup": Past(known=True)}
    assert str(planned([DB, SETUP], [of(DB)], past)) == "setup: new\n  exec setup in db"


def test_a_container_left_under_the_name_of_an_exec_that_is_done_is_removed():
    """An exec has none of its own, and there is nothing to wait for."""
    made = planned([DB, SETUP], [of(DB), container("setup", "v1:old")], DB_GOOD | exec_past(True))
    assert str(made) == "setup: left-over\n  stop setup\n  remove setup"


def test_an_exec_clears_the_container_its_name_had_as_another_kind():
    """A definition that became an exec needs its container no more."""
    made = planned([DB, SETUP], [of(DB), container("setup", "v1:old")], DB_GOOD)
    assert str(made) == cleandoc("""
        setup: new
          stop setup
          remove setup
          exec setup in db
    """)
