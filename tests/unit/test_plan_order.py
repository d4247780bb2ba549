"""Whose turn it is, as plans (behaviour, section 5)."""

from dataclasses import replace

import pytest

from paunchd.reconcile.model import Past, Result, State
from tests.unit.places import NOW, RULES, good, item, of
from tests.unit.plans import attempt, begun, blocked, planned, trial


def settled(*items):
    """Containers and pasts of *items* that all run as desired, proven; tasks have succeeded."""
    containers = [of(one) for one in items if one.spec.detach]
    pasts = {one.name: good(one) if one.spec.detach else done(one) for one in items}
    return containers, pasts


def done(one, succeeded=True):
    return Past(known=True, results={one.hash: Result(succeeded, 0 if succeeded else 1, container_id="x")})


DB = item("db", "tripleo_step1", step=1)
SYNC = item("sync", "tripleo_step3", step=3, detach=False, restart="no")
API = item("api", "tripleo_step4", step=4)


# --- steps --------------------------------------------------------------------------------------------------------


def test_steps_are_ordered_across_files():
    """Nothing of a later step is made before everything of the earlier ones is settled, whatever its file (T-061)."""
    made = planned([API, SYNC, DB])
    assert begun(made) == ["db"]
    assert blocked(made) == {"sync": ("db",), "api": ("db",)}


def test_a_task_has_to_succeed_before_the_next_step():
    """A service starts only when the task before it is done, not while it runs (T-060)."""
    running = of(SYNC, kind="task")
    containers, pasts = settled(DB)
    made = planned([API, SYNC, DB], [*containers, running], pasts)
    assert blocked(made) == {"api": ("sync",)}
    containers, pasts = settled(DB, SYNC)
    assert begun(planned([API, SYNC, DB], containers, pasts)) == ["api"]


def test_nobody_goes_on_while_a_container_is_still_being_started():
    """It is seen to run before its start is over: what comes behind it waits for that, in steps, orders and
    dependencies (T-065).
    """
    second = item("second", "tripleo_step1", step=1, start_order=1)
    friend = item("friend", "aside", depends_on=["db"])
    containers, pasts = settled(DB)
    made = planned([DB, second, SYNC, friend], containers, pasts, in_flight=["db"])
    assert begun(made) == []
    assert blocked(made) == {"second": ("db",), "sync": ("db", "second"), "friend": ("db",)}
    assert begun(planned([DB, second, friend], containers, pasts)) == ["friend", "second"]


@pytest.mark.parametrize("condition", ["started", "healthy", "completed"])
def test_nobody_goes_on_while_what_it_depends_on_is_worked_on(condition):
    """Good, healthy or done as it may be: what its lane makes of it is seen when that is over."""
    for one, past in ((item("base", restart="no"), good), (item("base", restart="no", detach=False), done)):
        needy = item("needy", "aside", depends_on={"base": condition})
        for live in (of(one), of(one, state="exited")):
            made = planned([one, needy], [live], {"base": past(one)}, in_flight=["base"])
            assert blocked(made) == {"needy": ("base",)}


def test_a_failed_task_blocks_later_steps_and_is_named():
    """A failure in step 3 stops step 4, and only that (T-111)."""
    aside = item("aside", "other")
    containers, pasts = settled(DB)
    made = planned([API, SYNC, DB, aside], containers, pasts | {"sync": done(SYNC, succeeded=False)})
    assert begun(made) == ["aside"]
    assert blocked(made) == {"api": ("sync",)}
    assert made.statuses["sync"].state is State.FAILED


def test_who_waits_for_a_place_says_for_which():
    """A step and a start order are two places to look for the cause."""
    second = item("second", "tripleo_step1", step=1, start_order=1)
    made = planned([second, DB, API])
    assert made.statuses["api"].reason == "waits for an earlier step"
    assert made.statuses["second"].reason == "waits for an earlier start_order"


def test_a_config_without_a_step_depends_on_nobody():
    """Steps order those who declare one; the rest begin at once."""
    assert begun(planned([item("free", "other"), DB, API])) == ["db", "free"]


def test_a_first_container_need_only_have_started_for_the_next_step():
    """On a first deployment health often waits for later steps, so waiting for it would dead-lock."""
    starting = of(DB)
    made = planned([DB, API], [starting], {"db": Past(known=True, trial=trial(starting))})
    assert begun(made) == ["api"]


def replaced_db(**trial_fields):
    """Step 1 is at a new revision in its gate, step 4 is to change as well."""
    new = item("db", "tripleo_step1", step=1, image="stub:2")
    newer_api = item("api", "tripleo_step4", step=4, image="stub:2")
    live = of(new)
    past = replace(good(DB), trial=trial(live, **trial_fields))
    kept = of(DB, engine_name="db.prev", state="exited", actual_restart="no")
    return [new, newer_api], [live, kept, of(API)], {"db": past, "api": good(API)}


def test_what_replaces_a_good_revision_must_be_healthy_before_later_steps_change():
    """An upgrade stops at the first service that does not come back."""
    assert blocked(planned(*replaced_db())) == {"api": ("db",)}
    assert begun(planned(*replaced_db(healthy_at=NOW))) == ["api"]


def test_a_rolled_back_service_stops_the_upgrade_behind_it():
    """A revision that was rejected in step 1 keeps step 4 as it is, and is named as the reason."""
    items, _, pasts = replaced_db()
    past = good(DB, rejected={items[0].hash: "exited with code 3"})
    made = planned(items, [of(DB), of(API)], pasts | {"db": past})
    assert str(made) == ""
    assert made.statuses["db"].state is State.ROLLED_BACK
    assert blocked(made) == {"api": ("db",)}


@pytest.mark.parametrize(
    ("between", "first_healthy", "replaced"),
    [("auto", True, False), ("started", True, True), ("healthy", False, False)],
)
def test_the_setting_says_what_lies_between_two_steps(between, first_healthy, replaced):
    """``started`` never waits for health, ``healthy`` always does, ``auto`` only where a good one is replaced."""
    rules = replace(RULES, between_steps=between)
    starting = of(DB)
    first = planned([DB, API], [starting], {"db": Past(known=True, trial=trial(starting))}, rules=rules)
    assert (begun(first) == ["api"]) is first_healthy
    assert (begun(planned(*replaced_db(), rules=rules)) == ["api"]) is replaced
    assert begun(planned([DB, API], [of(DB)], {"db": good(DB)}, rules=rules)) == ["api"]


def test_a_detached_one_shot_that_ended_well_is_healthy_enough_for_any_setting():
    """What has done all it was to do cannot become healthier."""
    logs = item("logs", "tripleo_step1", step=1, restart="no")
    ended = of(logs, state="exited")
    rules = replace(RULES, between_steps="healthy")
    assert begun(planned([logs, API], [ended], {"logs": good(logs)}, rules=rules)) == ["api"]


# --- start orders -------------------------------------------------------------------------------------------------


def test_start_orders_count_within_one_config_and_equal_ones_begin_together():
    """Lower start orders come first, ties run concurrently, other configs are not concerned."""
    first, second = item("first", start_order=1), item("second", start_order=1)
    third, other = item("third", start_order=2), item("other", "elsewhere", start_order=9)
    made = planned([third, first, other, second])
    assert begun(made) == ["first", "other", "second"]
    assert blocked(made) == {"third": ("first", "second")}


def test_start_orders_count_within_one_step_of_a_config():
    """A directory may hold several steps; a lower start order of a later step holds nobody up."""
    early = item("early", "shared", step=1, start_order=5)
    late = item("late", "shared", step=2, start_order=0)
    assert begun(planned([early, late])) == ["early"]
    containers, pasts = settled(early)
    assert begun(planned([early, late], containers, pasts)) == ["late"]


def test_a_failure_at_one_start_order_blocks_the_next():
    """A container that cannot be made holds up what comes after it in its config (T-111)."""
    first, second = item("first"), item("second", start_order=1)
    made = planned([first, second], past={"first": Past(attempt=attempt(first.hash, refused=True))})
    assert str(made) == ""
    assert blocked(made) == {"second": ("first",)}


# --- dependencies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "started", "healthy", "ended"),
    [("started", True, True, True), ("healthy", False, True, True), ("completed", False, False, True)],
)
def test_a_dependency_is_met_by_its_condition(condition, started, healthy, ended):
    """A dependency means before, not just also (T-065)."""
    base = item("base", "a", restart="no")
    needy = item("needy", "b", depends_on={"base": condition})
    live = of(base)
    looks = [
        ([], Past(), False),
        ([live], Past(known=True, trial=trial(live)), started),
        ([live], good(base), healthy),
        ([of(base, state="exited")], good(base), ended),
    ]
    for containers, past, met in looks:
        assert ("needy" in begun(planned([base, needy], containers, {"base": past}))) is met


@pytest.mark.parametrize("condition", ["started", "healthy", "completed"])
def test_a_dependency_on_a_task_is_met_when_it_has_succeeded(condition):
    """A task that merely runs is no foundation."""
    needy = item("needy", "b", depends_on={"sync": condition})
    assert begun(planned([SYNC, needy], [of(SYNC)])) == []
    assert begun(planned([SYNC, needy], past={"sync": done(SYNC)})) == ["needy"]


def test_who_waits_for_dependencies_says_for_which_and_how():
    """All unmet dependencies are named at once."""
    needy = item("needy", "z", depends_on={"one": "healthy", "two": "started"})
    status = planned([item("one", "a"), item("two", "b"), needy]).statuses["needy"]
    assert (status.reason, status.blocked_by) == ("waits for one to be healthy, two to be started", ("one", "two"))


def test_a_dependency_nobody_declares_blocks_exactly_who_has_it():
    """A missing dependency is said, and the others go on."""
    made = planned([item("needy", depends_on=["ghost"]), item("fine")])
    assert begun(made) == ["fine"]
    assert blocked(made) == {"needy": ("ghost",)}
    assert made.statuses["needy"].reason == "depends on ghost, which no config declares"


def test_a_systemd_unit_is_not_waited_for():
    """TripleO names host units among its dependencies; they are noted and hold nobody up."""
    assert begun(planned([item(depends_on=["openvswitch.service"])])) == ["web"]


# --- cycles -------------------------------------------------------------------------------------------------------


def failed(made):
    return {name: status.reason for name, status in made.statuses.items() if status.state is State.FAILED}


def test_a_cycle_makes_exactly_its_members_errors():
    """Of twenty containers three depend on each other in a ring; those fail and the other seventeen begin (S-20)."""
    ring = [item(a, "ring", depends_on=[b]) for a, b in [("aa", "bb"), ("bb", "cc"), ("cc", "aa")]]
    rest = [item(f"fine{n}", "rest") for n in range(17)]
    made = planned([*rest[:9], *ring, *rest[9:]])
    assert len(begun(made)) == 17
    assert failed(made) == {
        "aa": "depends on itself: aa → bb → cc → aa",
        "bb": "depends on itself: bb → cc → aa → bb",
        "cc": "depends on itself: cc → aa → bb → cc",
    }


def test_who_depends_on_a_cycle_is_blocked_and_no_error():
    """Standing behind a cycle is not being in it."""
    ring = [item("aa", depends_on=["bb"]), item("bb", depends_on=["aa"])]
    made = planned([*ring, item("behind", "other", depends_on=["aa"])])
    assert sorted(failed(made)) == ["aa", "bb"]
    assert blocked(made) == {"behind": ("aa",)}


def test_depending_on_oneself_is_a_cycle():
    """The smallest ring has one member."""
    assert failed(planned([item(depends_on=["web"])])) == {"web": "depends on itself: web → web"}


def test_a_dependency_on_a_later_step_is_a_cycle():
    """What must come first by its step and last by its dependency is an error; its neighbours only wait."""
    early = item("early", "tripleo_step1", step=1, depends_on=["late"])
    between, late = item("between", "tripleo_step2", step=2), item("late", "tripleo_step3", step=3)
    made = planned([late, early, between, item("beside", "tripleo_step1", step=1)])
    assert failed(made) == {
        "early": "depends on itself: early → late → early",
        "late": "depends on itself: late → early → late",
    }
    assert begun(made) == ["beside"]
    assert blocked(made) == {"between": ("beside", "early")}


def test_two_rings_are_both_found():
    """Each cycle is told to its own members, also where they share one."""
    rings = [("aa", ["bb", "cc"]), ("bb", ["aa"]), ("cc", ["aa"]), ("dd", ["ee"]), ("ee", ["dd"])]
    made = planned([item(name, depends_on=needs) for name, needs in rings])
    assert sorted(failed(made)) == ["aa", "bb", "cc", "dd", "ee"]


def test_what_stands_between_two_cycles_is_in_neither():
    """Each ring is told to its own members, and who only has a ring before and behind it waits."""
    needs = {"aa": ["bb"], "bb": ["aa"], "between": ["aa"], "cc": ["between", "dd"], "dd": ["cc"]}
    made = planned([item(name, depends_on=depends_on) for name, depends_on in needs.items()])
    assert failed(made) == {
        "aa": "depends on itself: aa → bb → aa",
        "bb": "depends on itself: bb → aa → bb",
        "cc": "depends on itself: cc → dd → cc",
        "dd": "depends on itself: dd → cc → dd",
    }
    assert blocked(made) == {"between": ("aa",)}
