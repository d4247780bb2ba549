"""Tasks, as plans (behaviour, section 8)."""

from inspect import cleandoc

import pytest

from paunchd.reconcile.model import Past, Result, State
from tests.unit.places import NOW, container, item, of
from tests.unit.plans import attempt, planned, standing, trial


def task(**keys):
    return item("sync", hash_="v1:sync", **{"detach": False, "restart": "no", **keys})


SYNC = task()


def ended(code=0, one=SYNC, **fields):
    return of(one, kind="task", state="exited", exit_code=code, **fields)


def ran(succeeded, code, key="v1:sync", container_id="id-sync", **fields):
    """What is remembered after a run of *key*."""
    result = Result(succeeded, code, container_id=container_id, attempts=fields.pop("attempts", 1))
    return {"sync": Past(known=True, results={key: result}, **fields)}


# --- running ------------------------------------------------------------------------------------------------------


def test_a_task_is_created_under_its_own_name_and_started():
    """A task has no successor to be prepared for; its bind sources are checked like any container's."""
    assert str(planned([task(volumes=["/srv:/srv"])])) == cleandoc("""
        sync: new
          pull stub:1 unless present
          check 1 bind sources of sync
          create sync from stub:1
          start sync
    """)


def test_a_task_asks_the_registry_where_its_definition_says_so():
    """A task runs once, and then with the newest image if that is wanted."""
    assert str(planned([task(pull="always")]).lanes[0].steps[0]) == "pull stub:1 always"


def test_a_task_says_what_it_is_about_to_do():
    """Before its lane begins, and at the first look at it running."""
    assert standing("sync", [SYNC]).reason == "new"
    assert standing("sync", [SYNC], [ended(3)], ran(False, 3, attempts=0)).reason == "retry (attempt 1)"
    assert standing("sync", [SYNC], [of(SYNC, kind="task")]).reason == "running for 0 s"


def test_a_held_task_is_not_run():
    """An operator's hold stops whatever is about to be done under the name."""
    made = planned([SYNC], past={"sync": Past(hold=True)})
    assert str(made) == ""
    assert made.statuses["sync"].state is State.HELD


def test_a_running_task_is_waited_for_without_end():
    """Database syncs take long; without a timeout nothing is killed (T-036)."""
    live = of(SYNC, kind="task")
    made = planned([SYNC], [live], {"sync": Past(known=True, trial=trial(live, NOW - 5000))})
    assert str(made) == ""
    status = made.statuses["sync"]
    assert (status.state, status.reason, made.look_again_at) == (State.STARTING, "running for 5000 s", None)


def test_a_task_that_somebody_paused_goes_on():
    """It would never end, and all that waits for it would wait; that it is late is found out afterwards (S-17)."""
    late = trial(of(SYNC), since=NOW - 100)
    paused = of(task(timeout_seconds=60), kind="task", state="paused")
    made = planned([task(timeout_seconds=60)], [paused], {"sync": Past(known=True, trial=late)})
    assert str(made) == "sync: paused\n  unpause sync"


def test_a_task_created_but_never_started_is_started():
    """A daemon that died between create and start goes on there, whatever it remembers."""
    created = of(SYNC, kind="task", state="created")
    assert str(planned([SYNC], [created])) == "sync: interrupted\n  start sync"


def test_a_task_that_ended_while_the_daemon_was_down_is_recorded():
    """The exit code is read from the container, so a restart of the daemon loses no result."""
    made = planned([SYNC], [ended(0)])
    assert str(made) == "sync: ended\n  record sync as succeeded (exit code 0)"


def test_a_succeeded_task_is_settled_and_stays_for_its_logs():
    """Once a hash is enough, and the exited container remains for ``docker logs``."""
    made = planned([SYNC], [ended(0)], ran(True, 0))
    assert str(made) == ""
    assert (made.statuses["sync"].state, made.statuses["sync"].settled) == (State.SUCCEEDED, True)


def test_a_succeeded_task_whose_container_was_removed_is_not_run_again():
    """The result is what counts, not the container (unlike paunch's ``ps -a``)."""
    assert str(planned([SYNC], past=ran(True, 0))) == ""


# --- exit codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("codes", "code", "word"), [([0], 2, "failed"), ([0, 2], 2, "succeeded"), ([2], 0, "failed")])
def test_exit_codes_say_what_success_is(codes, code, word):
    """Puppet's 2 is fine where the definition says so (T-032)."""
    one = task(exit_codes=codes)
    made = planned([one], [ended(code, one)])
    assert str(made) == f"sync: ended\n  record sync as {word} (exit code {code})"


@pytest.mark.parametrize("code", [0, 3])
def test_what_the_exit_code_says_needs_no_other_cause(code):
    """A cause is told only where there is more to say than the code."""
    assert planned([SYNC], [ended(code)]).lanes[0].steps[0].cause == ""


def test_a_task_the_kernel_killed_has_failed_whatever_its_exit_code():
    """Out of memory is no success, and is said."""
    step = planned([SYNC], [ended(0, oom_killed=True)]).lanes[0].steps[0]
    assert (step.succeeded, step.cause) == (False, "killed by the kernel: out of memory")


def test_a_task_with_remove_goes_when_it_has_succeeded():
    """``remove`` is carried out by us, after the record."""
    one = task(remove=True)
    assert str(planned([one], [ended(0, one)])) == cleandoc("""
        sync: ended
          record sync as succeeded (exit code 0)
          remove sync
    """)


def test_a_task_with_remove_whose_removal_was_cut_off_is_removed():
    """A daemon that died after the record removes it at the next look."""
    one = task(remove=True)
    assert str(planned([one], [ended(0, one)], ran(True, 0))) == "sync: left-over\n  remove sync"


def test_a_failed_task_with_remove_stays_for_its_logs():
    """Somebody will want to know why."""
    one = task(remove=True)
    assert str(planned([one], [ended(3, one)])) == "sync: ended\n  record sync as failed (exit code 3)"


# --- failure and retries ------------------------------------------------------------------------------------------


def test_a_failed_task_is_never_counted_as_done():
    """It stays failed at every look, says its exit code, and what to do (T-026, T-110)."""
    made = planned([SYNC], [ended(3)], ran(False, 3))
    assert str(made) == ""
    status = made.statuses["sync"]
    assert (status.state, status.settled) == (State.FAILED, False)
    assert status.reason == "exit code 3; runs again when changed, or by `paunchctl retry sync`"


def test_a_task_asked_to_be_retried_is_made_anew():
    """After ``retry`` no run counts any more; the container is made again, for its exit code must be seen (T-024)."""
    assert str(planned([SYNC], [ended(3)], ran(False, 3, attempts=0))) == cleandoc("""
        sync: retry (attempt 1)
          pull stub:1 unless present
          remove sync
          create sync from stub:1
          start sync
    """)


def test_a_failed_task_is_retried_as_often_as_it_says():
    """One retry makes two runs, two make three, and the state says how many it were."""
    for retries in (1, 2):
        one = task(retries=retries)
        for attempts in range(1, retries + 2):
            made = planned([one], [ended(3, one)], ran(False, 3, attempts=attempts))
            assert bool(made.lanes) is (attempts <= retries)
        assert f"({retries + 1} attempts)" in made.statuses["sync"].reason


def test_a_retry_waits_for_its_back_off():
    """Between two runs there is a pause, and the state says how long."""
    one = task(retries=2)
    past = ran(False, 3, attempt=attempt("v1:sync", NOW + 6, "exit code 3"))
    made = planned([one], [ended(3, one)], past)
    assert str(made) == ""
    assert (made.statuses["sync"].state, made.look_again_at) == (State.WAITING, NOW + 6)


def test_the_run_of_a_retry_is_recorded_as_another():
    """A container other than the recorded one at the same hash is the next attempt."""
    made = planned([task(retries=2)], [ended(0, id="second")], ran(False, 3))
    assert str(made) == "sync: ended\n  record sync as succeeded (exit code 0)"


def test_what_the_engine_refuses_is_a_failure_with_back_off():
    """A definition the engine will not create is failed, blocks, and is tried again later."""
    past = {"sync": Past(attempt=attempt("v1:sync", NOW + 6, "no such device", refused=True))}
    assert standing("sync", [SYNC], past=past).state is State.FAILED


def test_a_record_is_never_put_off():
    """A back-off delays runs, not the writing down of what has ended."""
    past = {"sync": Past(attempt=attempt("v1:sync", NOW + 60))}
    assert planned([SYNC], [ended(0)], past).lanes


# --- timeouts -----------------------------------------------------------------------------------------------------


def test_a_task_past_its_timeout_is_killed_and_has_failed():
    """One that never ends is bounded, and its result says so (T-121)."""
    one = task(timeout_seconds=60)
    live = of(one, kind="task")
    past = {"sync": Past(known=True, trial=trial(live, NOW - 60))}
    made = planned([one], [live], past)
    assert made.look_again_at is None
    assert str(made) == cleandoc("""
        sync: ended
          kill sync: still running after 60 s
          record sync as failed (exit code 137)
    """)


def test_before_its_timeout_a_task_is_only_looked_at_again():
    """The timer is set for the moment it is overdue."""
    one = task(timeout_seconds=60)
    live = of(one, kind="task")
    made = planned([one], [live], {"sync": Past(known=True, trial=trial(live, NOW - 10))})
    assert str(made) == ""
    assert made.look_again_at == NOW + 50


# --- changes ------------------------------------------------------------------------------------------------------


def test_a_changed_task_runs_again_and_its_predecessor_goes_then():
    """The old run's container is there until its successor is prepared."""
    new = item("sync", image="stub:2", detach=False, restart="no", hash_="v1:new")
    assert str(planned([new], [ended(0)], ran(True, 0))) == cleandoc("""
        sync: config-changed
          pull stub:2 unless present
          remove sync
          create sync from stub:2
          start sync
    """)


def test_a_failed_task_runs_again_when_it_is_changed():
    """A failure belongs to one hash; the mended definition gets its own chance."""
    new = item("sync", image="stub:2", detach=False, restart="no", hash_="v1:new")
    assert planned([new], [ended(3)], ran(False, 3)).lanes[0].revision == "v1:new"


def test_a_task_changed_back_to_what_was_done_is_done():
    """Once a hash means once: a success stands, and the other run's container may stay for its logs."""
    other = container("sync", "v1:other", "exited", kind="task", exit_code=3)
    made = planned([SYNC], [other], ran(True, 0))
    assert str(made) == ""
    assert made.statuses["sync"].settled


def test_a_task_changed_back_while_the_other_one_runs_stops_it():
    """What is no longer desired does not run on unseen."""
    other = container("sync", "v1:other", kind="task")
    assert str(planned([SYNC], [other], ran(True, 0))) == "sync: left-over\n  stop sync\n  remove sync"
