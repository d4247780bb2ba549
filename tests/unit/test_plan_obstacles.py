"""What is on purpose left alone, and what changes its kind, as plans (behaviour, sections 1 and 3)."""

from dataclasses import replace
from inspect import cleandoc

import pytest

from paunchd.reconcile.model import Attempt, Past, State, Status
from paunchd.reconcile.plan import plan
from tests.unit.places import NOW, RULES, container, facts, good, item, of
from tests.unit.plans import begun, planned, standing, trial

WEB = item(image="stub:1", hash_="v1:old")
NEW = item(image="stub:2", hash_="v1:new")
KEPT = of(WEB, engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
GOOD = {"web": good(WEB)}


# --- conflicts ----------------------------------------------------------------------------------------------------


def test_a_foreign_container_with_the_name_is_a_conflict_and_stays_untouched():
    """A container without our label keeps its name; the one to free it is a person (T-015, T-113)."""
    made = planned([WEB], foreign=["web"])
    assert str(made) == ""
    status = made.statuses["web"]
    assert status.state is State.CONFLICT
    assert "not ours has the name web;" in status.reason


@pytest.mark.parametrize("taken", ["web.next", "web.prev"])
def test_a_foreign_container_in_a_place_of_the_switch_stops_it_before_it_begins(taken):
    """All names of a switch must be free before anything is stopped (S-18)."""
    made = planned([NEW], [of(WEB)], GOOD, foreign=[taken])
    assert str(made) == ""
    assert made.statuses["web"].state is State.CONFLICT


def test_a_name_taken_between_plan_and_create_is_a_conflict_at_the_next_look():
    """Prepared, the old one retired, and then somebody takes the name: nothing of theirs is touched (S-18)."""
    prepared = of(NEW, engine_name="web.next", state="created")
    made = planned([NEW], [KEPT, prepared], GOOD, foreign=["web"])
    assert str(made) == ""
    assert made.statuses["web"].state is State.CONFLICT


def test_a_conflict_ends_by_itself_when_the_name_is_free():
    """Nothing is remembered of a conflict, so the first look without it goes on."""
    assert planned([NEW], [of(WEB)], GOOD).lanes


def test_a_foreign_container_in_a_place_nobody_needs_is_no_conflict():
    """While nothing is to be changed a foreign ``web.next`` bothers nobody."""
    assert standing("web", [WEB], [of(WEB)], GOOD, foreign=["web.next"]).settled


# --- holds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "containers"),
    [([NEW], [of(WEB)]), ([WEB], [of(WEB, state="exited", exit_code=143)]), ([WEB], []), ([], [of(WEB)])],
    ids=["changed", "stopped", "gone", "orphaned"],
)
def test_a_hold_is_respected(items, containers):
    """An operator's hold stops replacing, repairing and removing, and is said (T-114)."""
    made = planned(items, containers, {"web": good(WEB, hold=True)})
    assert str(made) == ""
    assert made.statuses["web"].state is State.HELD


def test_a_held_container_that_is_as_desired_is_simply_running():
    """Held is drift on purpose not acted on; where there is none, there is nothing to say."""
    assert standing("web", [WEB], [of(WEB)], {"web": good(WEB, hold=True)}).state is State.RUNNING


def test_a_hold_keeps_the_container_of_a_name_that_became_an_exec():
    """Also what is only left over from another kind is not touched while held."""
    ran = item(action="exec", command=["db", "true"], image="")
    made = planned([ran], [of(WEB)], {"web": good(WEB, hold=True)})
    assert str(made) == ""
    assert made.statuses["web"].state is State.HELD


# --- kinds, and a directory that cannot be read -------------------------------------------------------------------


def test_a_container_that_becomes_a_task_makes_way_when_the_task_is_prepared():
    """The service runs on during the pull, and its containers are gone before the task is made."""
    task = item(image="stub:9", detach=False, restart="no")
    assert str(planned([task], [of(WEB)], GOOD)) == cleandoc("""
        web: config-changed
          pull stub:9 unless present
          stop web
          remove web
          create web from stub:9
          start web
    """)


def test_a_task_that_becomes_a_container_is_replaced_and_not_kept():
    """A finished task is no good revision of a container."""
    task = item(image="stub:9", detach=False, restart="no")
    ended = of(task, kind="task", state="exited")
    assert str(planned([WEB], [ended], {"web": Past(known=True)})) == cleandoc("""
        web: config-changed
          pull stub:1 unless present
          create web.next from stub:1
          remove web
          promote web.next to web
          start web
    """)


def test_with_the_store_lost_a_running_task_is_not_taken_for_a_good_container():
    """Only a container can be the good revision of one."""
    task = of(item(image="stub:9", detach=False, restart="no"), kind="task")
    assert "create web.next" in str(planned([WEB], [task]))


def test_while_the_directory_cannot_be_read_nothing_is_replaced():
    """What was last understood may be old; a running container stays, and the state says why."""
    made = planned([NEW], [of(WEB)], GOOD, desired={"degraded": "cannot read the directory"})
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.reason) == (State.HELD, "not replaced: cannot read the directory")


def test_while_the_directory_cannot_be_read_what_runs_is_kept_running():
    """Repair goes on: the good one comes up, and a half-made switch is finished."""
    degraded = {"degraded": "cannot read the directory"}
    stopped = of(WEB, state="exited", exit_code=1)
    assert str(planned([WEB], [stopped], GOOD, desired=degraded)) == "web: exited (code 1)\n  start web"
    halfway = of(NEW, engine_name="web.next", state="created")
    assert planned([NEW], [KEPT, halfway], GOOD, desired=degraded).lanes


# --- lanes --------------------------------------------------------------------------------------------------------


def test_a_name_in_flight_is_not_planned_and_not_settled():
    """While a lane is carried out its name is left alone, and the end of the lane is what wakes."""
    live = of(WEB)
    made = planned([WEB], [live], {"web": Past(known=True, trial=trial(live))}, in_flight=["web"])
    assert str(made) == ""
    assert (made.statuses["web"].settled, made.look_again_at) == (False, None)
    assert not standing("web", [WEB], [live], GOOD, in_flight=["web"]).settled


def test_a_lane_that_failed_during_the_look_says_when_it_is_tried_again():
    """Its name counts as in flight for that pass, and what it left behind is told whole."""
    attempt = Attempt(WEB.hash, 1, at=NOW, next_at=NOW + 5, error="no such image")
    made = planned([WEB], [], {"web": Past(known=True, attempt=attempt)}, in_flight=["web"])
    status = made.statuses["web"]
    assert (status.state, status.until, status.settled) == (State.WAITING, NOW + 5, False)
    assert made.look_again_at is None


def test_what_the_engine_does_not_answer_for_is_unknown_and_left_alone():
    """What is not known is not dead: no step is taken for it, and the others go on."""
    looked = facts([WEB, item("other")], [of(WEB, state="exited", exit_code=1)], GOOD)
    made = plan(replace(looked, observed=replace(looked.observed, unseen=frozenset({"web"}))), RULES)
    assert begun(made) == ["other"]
    reason = "the engine lists it and does not answer when asked about it"
    assert made.statuses["web"] == Status("web", State.UNKNOWN, reason)


def test_a_lane_knows_its_containers_by_id():
    """Steps name places, but what they touch is fixed to the containers of this look."""
    prepared = container("web.next", "v1:new", "created", id="n1")
    lane = planned([NEW], [of(WEB, id="l1"), prepared], GOOD).lanes[0]
    assert dict(lane.ids) == {"web": "l1", "web.next": "n1"}


def test_the_next_look_is_the_earliest_anybody_needs():
    """One timer serves all names."""
    one, two = item("one"), item("two")
    first, second = of(one), of(two)
    past = {
        "one": Past(known=True, trial=trial(first, NOW - 0.5)),
        "two": Past(known=True, trial=trial(second, NOW - 1.5)),
    }
    assert planned([one, two], [first, second], past).look_again_at == NOW + 0.5
