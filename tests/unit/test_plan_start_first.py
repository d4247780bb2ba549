"""A replacement that proves its health beside the good container before it takes the name (behaviour, section 6)."""

from dataclasses import replace
from inspect import cleandoc

import pytest
from hypothesis import given, settings

from paunchd.reconcile.diff import diff
from paunchd.reconcile.gate import to_probe
from paunchd.reconcile.model import Health, Past, Start, State
from paunchd.reconcile.plan import plan
from paunchd.reconcile.project import project
from paunchd.spec import Kind
from tests.unit.places import NOW, RULES, facts, good, item, of
from tests.unit.plans import attempt, planned, trial
from tests.unit.situations import any_facts

BESIDE = {"strategy": "start-first"}
OLD = item(image="stub:1", rollout=BESIDE, hash_="v1:old")
NEW = item(image="stub:2", rollout=BESIDE, hash_="v1:new")
NEVER_GOOD = Past(known=True)
SWITCH = cleandoc("""
    web: switch (healthy beside the good one)
      update web (restart=no)
      retire web as web.prev
      promote web.next to web
      stop web.prev
""")


def gated(past=None, since=NOW, new=NEW, **fields):
    """The new container beside the good one that still has the name; *fields* are what the engine shows of it."""
    memory = {key: fields.pop(key) for key in ("healthy_at", "restarts") if key in fields}
    beside = of(new, engine_name="web.next", **fields)
    past = replace(past or good(OLD), trial=trial(beside, since, **memory))
    return [new], [of(OLD), beside], {"web": past}


def test_an_older_kept_one_makes_room_in_the_same_lane():
    """Somebody had left one behind: it goes, and the switch that its successor has earned follows at once."""
    items, there, past = gated(healthy_at=NOW - 1)
    older = of(item(hash_="v1:older"), engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
    made = planned(items, [*there, older], past)
    assert [str(step) for step in made.lanes[0].steps] == [
        "remove web.prev",
        *(line.strip() for line in SWITCH.splitlines()[1:]),
    ]


# --- the gate -----------------------------------------------------------------------------------------------------


def test_the_new_container_starts_beside_the_old_one():
    """The lane ends where only time can tell; the good container is not so much as updated."""
    assert str(planned([NEW], [of(OLD)], {"web": good(OLD)})) == cleandoc("""
        web: config-changed (image)
          pull stub:2 unless present
          create web.next from stub:2
          start web.next
    """)


def test_while_nothing_is_decided_both_are_left_alone():
    """In the gate there is nothing to do, and the timer is when the new one may be healthy."""
    made = planned(*gated(since=NOW - 0.5))
    assert str(made) == ""
    assert made.statuses["web"].state is State.STARTING
    assert not made.statuses["web"].settled
    assert made.look_again_at == NOW + 1.5


def test_the_health_test_of_the_new_one_is_run_and_not_that_of_the_old():
    """What is to be proved is proved by the container that is on trial, although another one has the name."""
    tested = item(image="stub:2", healthcheck={"test": "true"}, rollout=BESIDE, hash_="v1:new")
    items, containers, past = gated(new=tested)
    asked = to_probe(diff(facts(items, containers, past)), {"web": past["web"].trial})
    assert asked == {"id-web.next": tested.spec.healthcheck}


def test_once_healthy_the_new_one_takes_the_name_without_being_restarted():
    """The old one is stopped only now, kept as ever, and no start stands between the two."""
    assert str(planned(*gated(healthy_at=NOW))) == SWITCH


def test_a_switch_to_a_healthy_container_waits_for_nobody():
    """It had its turn when it was prepared; a failure before it must not leave two copies running for hours."""
    items, containers, past = gated(healthy_at=NOW)
    first = item("db", start_order=-1, hash_="v1:db")
    past["db"] = Past(known=True, attempt=attempt("v1:db", refused=True))
    made = planned([*items, first], containers, past)
    assert str(made) == SWITCH


def test_a_prepared_container_waits_for_its_turn_to_start():
    """A daemon that ended between create and start must not start it past a failure that came meanwhile."""
    first = item("db", start_order=-1, hash_="v1:db")
    past = {"web": good(OLD), "db": Past(known=True, attempt=attempt("v1:db", refused=True))}
    made = planned([NEW, first], [of(OLD), of(NEW, engine_name="web.next", state="created")], past)
    assert str(made) == ""
    assert made.statuses["web"].state is State.BLOCKED


def test_after_the_switch_probation_goes_on_for_the_new_live_one():
    """The trial is the container's and not the name's, so the switch begins nothing again."""
    live = of(NEW, id="id-web.next")
    kept = of(OLD, engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
    past = replace(good(OLD), trial=trial(live, NOW - 100, healthy_at=NOW - 90))
    made = planned([NEW], [live, kept], {"web": past})
    assert str(made) == ""
    assert (made.statuses["web"].state, made.look_again_at) == (State.PROVING, NOW + 210)


def test_a_failure_after_the_switch_brings_the_kept_one_back():
    """Once it has the name a new container is like any other in probation."""
    kept = of(OLD, engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
    rejected = good(OLD, rejected={"v1:new": "became unhealthy in probation"})
    assert str(planned([NEW], [of(NEW), kept], {"web": rejected})).splitlines()[1:] == [
        "  stop web",
        "  remove web",
        "  restore web.prev to web",
        "  update web (restart=always)",
        "  start web",
    ]


# --- failure ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"since": NOW - 300}, "not healthy within 300 s"),
        ({"restarts": 6}, "restarted 6 times, 5 allowed; last exit code 0"),
        ({"oom_killed": True}, "killed by the kernel: out of memory"),
        ({"health": Health.UNHEALTHY, "healthy_at": NOW}, "became unhealthy in probation"),
    ],
    ids=["deadline", "restarts", "oom", "unhealthy"],
)
def test_a_new_one_that_fails_beside_the_old_is_rejected(fields, cause):
    """The verdict is recorded first, with the evidence of the prepared container."""
    made = planned(*gated(**fields))
    assert str(made) == f"web: verdict\n  reject v1:new of web: {cause}"
    assert made.lanes[0].steps[0].engine_name == "web.next"


def test_what_failed_beside_the_good_one_is_cleared_away_and_the_good_one_is_not_touched():
    """After the rejection no step names the live container."""
    items, containers, _ = gated()
    rejected = good(OLD, rejected={"v1:new": "not healthy within 300 s"})
    made = planned(items, containers, {"web": rejected})
    assert str(made) == "web: left-over\n  stop web.next\n  remove web.next"
    assert made.statuses["web"].state is State.ROLLED_BACK


def test_a_start_that_the_engine_refuses_is_rejected_with_what_was_made():
    """The evidence is that of the container that did not start, not of the good one."""
    past = good(OLD, attempt=attempt("v1:new", error="no such program", refused=True))
    made = planned([NEW], [of(OLD), of(NEW, engine_name="web.next", state="created")], {"web": past})
    assert str(made) == "web: verdict\n  reject v1:new of web: no such program"
    assert made.lanes[0].steps[0].engine_name == "web.next"


def test_another_definition_in_the_gate_replaces_only_what_was_prepared():
    """Who thinks again while the new one is in its gate costs the old one nothing."""
    _, containers, past = gated()
    newer = item(image="stub:3", rollout=BESIDE, hash_="v1:newer")
    assert str(planned([newer], containers, past)) == cleandoc("""
        web: config-changed (image)
          stop web.next
          remove web.next
          pull stub:3 unless present
          create web.next from stub:3
          start web.next
    """)


# --- cut off in between -------------------------------------------------------------------------------------------


def test_a_restart_of_the_daemon_begins_the_gate_again_and_touches_nothing():
    """Without the memory of the trial both go on running, and nobody is judged for it."""
    items, containers, _ = gated(since=NOW - 290)
    made = planned(items, containers, {"web": good(OLD)})
    assert str(made) == ""
    assert made.statuses["web"].state is State.STARTING


@pytest.mark.parametrize(
    ("there", "rest"),
    [
        ([of(OLD, actual_restart="no")], 1),
        ([of(OLD, engine_name="web.prev", actual_restart="no")], 2),
    ],
    ids=["policy off", "retired"],
)
def test_a_switch_cut_off_goes_on_where_it_was(there, rest):
    """Killed after any step of the switch, the next pass plans exactly what was left of it."""
    _, containers, past = gated(healthy_at=NOW)
    made = planned([NEW], [*there, containers[1]], past)
    assert made.lanes[0].reason.code == "switch"
    assert [f"  {step}" for step in made.lanes[0].steps] == SWITCH.splitlines()[1 + rest :]


def test_where_the_good_one_ends_in_the_gate_the_new_one_takes_its_place_at_once():
    """With nothing serving any more there is nothing to wait beside for; the good one is kept all the same."""
    items, containers, past = gated()
    down = of(OLD, state="exited", exit_code=1)
    assert str(planned(items, [down, containers[1]], past)) == cleandoc("""
        web: switch (the good one is down)
          update web (restart=no)
          retire web as web.prev
          promote web.next to web
    """)


# --- where there is nothing to be beside of -----------------------------------------------------------------------


def test_without_a_good_revision_there_is_nothing_to_start_beside():
    """A first container is made, named and started as under the other strategy."""
    assert str(planned([NEW], [], {})) == cleandoc("""
        web: new
          pull stub:2 unless present
          create web from stub:2
          start web
    """)


def test_what_was_never_good_is_stopped_before_its_successor_starts():
    """Only a good container is worth a second copy."""
    assert str(planned([NEW], [of(OLD)], {"web": NEVER_GOOD})) == cleandoc("""
        web: config-changed
          pull stub:2 unless present
          create web.next from stub:2
          stop web
          remove web
          promote web.next to web
          start web
    """)


def test_the_strategy_of_the_new_definition_counts():
    """Whoever goes over to start-first has the very replacement in which it is written so."""
    stop_first = item(image="stub:1", hash_="v1:old")
    made = planned([NEW], [of(stop_first)], {"web": good(stop_first)})
    assert made.lanes[0].steps[-1] == Start("web.next")


def test_a_container_that_runs_once_is_done_when_its_successor_is():
    """A detached one-shot that ended well beside the running good one takes the name unstarted; its record is a lane of
    its own.
    """
    once = item(image="stub:2", restart="no", rollout=BESIDE, hash_="v1:new")
    items, containers, past = gated(new=once, state="exited")
    assert str(planned(items, containers, past)) == SWITCH


def test_repair_of_a_good_container_starts_no_second_copy():
    """A good container that ended is started under its own name."""
    made = planned([OLD], [of(OLD, state="exited", exit_code=1)], {"web": good(OLD)})
    assert str(made) == "web: exited (code 1)\n  start web"


@settings(max_examples=400, deadline=None)
@given(any_facts())
def test_two_copies_run_only_under_start_first(facts):
    """Along no lane does a start make a second copy run, but beside the good one where the definition says so."""
    for lane in plan(facts, RULES).lanes:
        one = facts.desired.items.get(lane.name)
        if one is None or one.spec.kind is not Kind.CONTAINER:
            continue
        look = facts.observed.of(lane.name)
        for step in lane.steps:
            running = [c.engine_name for c in look.containers if c.running and c.engine_name != step_target(step)]
            if isinstance(step, Start) and running:
                rollout = one.spec.rollout
                assert rollout is not None
                assert rollout.strategy == "start-first"
                assert (step.engine_name, running) == (f"{lane.name}.next", [lane.name])
            look = project(look, lane.name, step)


def step_target(step):
    return getattr(step, "engine_name", "")


def test_a_running_container_beside_stays_only_while_it_is_on_trial():
    """Under stop-first a second running copy, however it came, is stopped before anything else."""
    stop_first = item(image="stub:2", hash_="v1:new")
    made = planned([stop_first], [of(OLD), of(stop_first, engine_name="web.next")], {"web": good(OLD)})
    assert str(made.lanes[0].steps[0]) == "stop web.next"
