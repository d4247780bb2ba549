"""A replacement that proves itself, fails, or is refused, as plans (behaviour, sections 6 and 7)."""

from dataclasses import replace
from inspect import cleandoc

import pytest

from paunchd.reconcile.model import Health, Past, State
from tests.unit.places import NOW, good, item, of
from tests.unit.plans import attempt, planned, trial

OLD = item(image="stub:1", hash_="v1:old")
NEW = item(image="stub:2", environment={"MODE": "new"}, hash_="v1:new")
KEPT = of(OLD, engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
NEVER_GOOD = Past(known=True)


def on_trial(live=None, past=None, since=NOW, **fields):
    """*live* beside the kept good container, its trial begun at *since*; the arguments of ``planned``."""
    live = live or of(NEW)
    past = good(OLD) if past is None else past
    containers = [live, KEPT] if past.good else [live]
    return [NEW], containers, {"web": replace(past, trial=trial(live, since, **fields))}


# --- the first roll-out -----------------------------------------------------------------------------------------------


def test_without_a_good_revision_health_is_enough_to_be_accepted():
    """The first healthy revision is the good one: there is nothing better to return to."""
    made = planned(*on_trial(past=NEVER_GOOD, healthy_at=NOW))
    assert str(made) == "web: verdict\n  accept v1:new as the good revision of web"


def test_a_first_roll_out_past_its_deadline_is_failed_and_left_as_it_is():
    """Without a good revision nothing is undone, but the failure is told."""
    made = planned(*on_trial(past=NEVER_GOOD, since=NOW - 300))
    assert str(made) == ""
    assert made.statuses["web"].state is State.FAILED
    assert made.statuses["web"].reason == "not healthy within 300 s"


def test_a_first_roll_out_past_its_deadline_may_yet_prove_itself():
    """A first container that turns healthy after the deadline is accepted like any other."""
    made = planned(*on_trial(past=NEVER_GOOD, since=NOW - 900, healthy_at=NOW))
    assert str(made) == "web: verdict\n  accept v1:new as the good revision of web"


def test_a_policy_declared_anew_counts_for_one_on_trial_as_well():
    """It is not hashed, so the container's own label tells the policy of the day it was made."""
    live = of(item(image="stub:2", restart="on-failure", hash_="v1:new"), actual_restart="on-failure")
    made = planned(*on_trial(live))
    assert str(made) == "web: updated\n  update web (restart=always)"


def test_on_a_first_roll_out_restarts_condemn_nothing():
    """Services wait for each other at first, so a first container may restart as often as it needs."""
    made = planned(*on_trial(past=NEVER_GOOD, restarts=50))
    assert str(made) == ""
    assert made.statuses["web"].state is State.STARTING


# --- the verdict --------------------------------------------------------------------------------------------------


def test_an_undecided_container_is_waited_for_until_it_may_be_healthy():
    """In the gate there is nothing to do, and the next look is when it has run long enough."""
    made = planned(*on_trial(since=NOW - 0.5))
    assert str(made) == ""
    assert made.statuses["web"].state is State.STARTING
    assert made.look_again_at == NOW + 1.5


def test_who_does_not_come_up_says_how_often_it_was_restarted():
    """It is what an operator asks first."""
    live = of(NEW, state="restarting", exit_code=3)
    plain, crashing = planned(*on_trial()), planned(*on_trial(live, restarts=2))
    assert plain.statuses["web"].reason == "not healthy yet"
    assert crashing.statuses["web"].reason == "not healthy yet; restarted 2 times, last exit code 3"


def test_a_tested_container_is_looked_at_again_at_its_deadline():
    """With a health test only a passed test counts, so the timer is the deadline; a passed one wakes by itself."""
    tested = item(image="stub:2", healthcheck={"test": "true"}, hash_="v1:new")
    live = of(tested)
    past = replace(good(OLD), trial=trial(live, NOW - 100))
    assert planned([tested], [live, KEPT], {"web": past}).look_again_at == NOW + 200


def test_a_healthy_replacement_is_in_probation_and_the_old_one_is_kept():
    """Healthy is settled for those who wait, but the good one is not thrown away yet."""
    made = planned(*on_trial(healthy_at=NOW - 100))
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.settled, status.until) == (State.PROVING, True, NOW + 200)


def test_a_proven_replacement_is_accepted_before_the_old_one_goes():
    """The record comes first, so a kill in between costs no good container."""
    assert str(planned(*on_trial(healthy_at=NOW - 300))) == "web: verdict\n  accept v1:new as the good revision of web"


def test_with_a_good_revision_its_definition_is_recorded():
    """It can be made again when its container is long gone."""
    assert planned(*on_trial(healthy_at=NOW - 300)).lanes[0].steps[0].spec == NEW.spec


def test_once_accepted_the_kept_one_is_removed():
    """Nothing but the good revision stays on the node."""
    assert str(planned([NEW], [of(NEW), KEPT], {"web": good(NEW)})) == "web: left-over\n  remove web.prev"


@pytest.mark.parametrize(
    ("restart", "fields", "memory", "cause"),
    [
        ("always", {}, {"since": NOW - 300}, "not healthy within 300 s"),
        ("always", {}, {"restarts": 6}, "restarted 6 times, 5 allowed; last exit code 0"),
        ("no", {"state": "exited", "exit_code": 3}, {}, "exited with code 3"),
        ("always", {"oom_killed": True}, {}, "killed by the kernel: out of memory"),
        ("always", {"health": Health.UNHEALTHY}, {"healthy_at": NOW - 10}, "became unhealthy in probation"),
    ],
    ids=["deadline", "restarts", "exited", "oom", "unhealthy"],
)
def test_a_failed_replacement_is_rejected_with_its_cause(restart, fields, memory, cause):
    """The verdict is in the store before anything is done about it."""
    new = item(image="stub:2", restart=restart, hash_="v1:new")
    live = of(new, **fields)
    past = replace(good(OLD), trial=trial(live, **memory))
    made = planned([new], [live, KEPT], {"web": past})
    assert str(made) == f"web: verdict\n  reject v1:new of web: {cause}"


def test_five_restarts_are_still_allowed():
    """A neighbour's switch must not condemn a container that comes back by itself."""
    assert str(planned(*on_trial(restarts=5))) == ""


def test_a_broken_file_is_told_of_a_container_in_probation_as_well():
    """Whoever waits for a broken file must not hear that all is well because its container is healthy."""
    items, containers, past = on_trial(healthy_at=NOW)
    made = planned([replace(items[0], kept_because="its file is broken: a tab")], containers, past)
    status = made.statuses["web"]
    assert (status.state, status.settled, status.until) == (State.BROKEN, False, NOW + 300)


# --- rollback -----------------------------------------------------------------------------------------------------

REJECTED = good(OLD, rejected={"v1:new": "exited with code 3"})


def test_after_a_rejection_the_kept_container_comes_back():
    """Rollback needs no registry: the failed one goes, the kept one takes its name, its policy and a start."""
    assert str(planned([NEW], [of(NEW, state="restarting"), KEPT], {"web": REJECTED})) == cleandoc("""
        web: rollback (exited with code 3)
          stop web
          remove web
          restore web.prev to web
          update web (restart=always)
          start web
    """)


def test_with_the_kept_one_gone_the_good_revision_is_made_again_from_the_store():
    """Somebody removed the kept container by hand; its spec is known, and its image is still on the node."""
    assert str(planned([NEW], [of(NEW)], {"web": REJECTED})) == cleandoc("""
        web: rollback (exited with code 3)
          pull stub:1 unless present
          create web.next from stub:1
          stop web
          remove web
          promote web.next to web
          start web
    """)


def test_a_rolled_back_container_is_held_until_its_definition_changes():
    """A rejected revision is not tried again, and the state says why."""
    made = planned([NEW], [of(OLD)], {"web": REJECTED})
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.reason, status.settled) == (State.ROLLED_BACK, "exited with code 3", False)
    assert made.look_again_at is None


@pytest.mark.parametrize(
    ("code", "text"), [(1, "web: rollback (oom)\n  start web"), (143, "web: rollback (oom)\n  start web"), (0, "")]
)
def test_a_good_revision_that_came_back_is_kept_up_whatever_its_policy(code, text):
    """It was us who stopped it once, so only its own good end is taken for one."""
    once = item(image="stub:1", restart="no", hash_="v1:old")
    made = planned([NEW], [of(once, state="exited", exit_code=code)], {"web": good(once, rejected={"v1:new": "oom"})})
    assert str(made) == text


def test_a_changed_definition_ends_the_hold_of_a_rollback():
    """A newer revision is tried although the one before was rejected."""
    newer = item(image="stub:3", hash_="v1:newer")
    assert str(planned([newer], [of(OLD)], {"web": REJECTED})).startswith("web: config-changed (image)")


def test_a_good_revision_that_does_not_come_up_either_is_parked():
    """It is tried again with back-off, nothing else is tried, and the state says what to do."""
    past = replace(REJECTED, attempt=attempt("v1:old", NOW + 30, "port 80 is taken"))
    made = planned([NEW], [of(OLD, state="exited", exit_code=1)], {"web": past})
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.until) == (State.PARKED, NOW + 30)
    assert "exited with code 3" in status.reason
    assert "port 80 is taken" in status.reason


def test_a_parked_container_is_tried_again_after_its_back_off():
    """Once the time has come the good revision is started again."""
    past = replace(REJECTED, attempt=attempt("v1:old", NOW))
    made = planned([NEW], [of(OLD, state="exited", exit_code=1)], {"web": past})
    assert str(made) == "web: rollback (exited with code 3)\n  start web"


# --- what the engine refuses, and what is merely not there --------------------------------------------------------


@pytest.mark.parametrize("containers", [[of(OLD)], [of(NEW, state="created"), KEPT]], ids=["create", "start"])
def test_a_refused_replacement_is_rejected_at_once(containers):
    """What the engine refuses to create or to start has failed without a gate."""
    past = good(OLD, attempt=attempt("v1:new", error="no such device", refused=True))
    assert str(planned([NEW], containers, {"web": past})) == "web: verdict\n  reject v1:new of web: no such device"


def test_a_refused_first_container_is_failed_and_tried_again_with_back_off():
    """Without a good revision there is nothing to return to: said loudly, tried again later."""
    past = Past(known=True, attempt=attempt("v1:new", NOW + 8, "no such device", refused=True))
    made = planned([NEW], [], {"web": past})
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.reason, status.until) == (State.FAILED, "no such device", NOW + 8)


def test_an_image_that_cannot_be_pulled_leaves_what_runs_alone():
    """A missing image waits with back-off; the old container goes on (T-007)."""
    past = good(OLD, attempt=attempt("v1:new", error="cannot pull stub:2"))
    made = planned([NEW], [of(OLD)], {"web": past})
    assert str(made) == ""
    assert made.statuses["web"].state is State.WAITING
    assert made.look_again_at == NOW + 4


def test_an_attempt_at_another_revision_delays_nothing():
    """A new definition does not pay for the failures of the one before."""
    past = good(OLD, attempt=attempt("v1:between"))
    assert str(planned([NEW], [of(OLD)], {"web": past})).startswith("web: config-changed")
