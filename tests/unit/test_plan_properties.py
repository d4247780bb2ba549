"""What holds of every plan, whatever the node has come to: generated facts, most of them absurd."""

import re
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paunchd.reconcile.diff import diff
from paunchd.reconcile.model import (
    Accept,
    Container,
    Create,
    Item,
    Observed,
    Past,
    Reject,
    Rename,
)
from paunchd.reconcile.moved import told_apart
from paunchd.reconcile.plan import plan, trials
from paunchd.reconcile.wants import wants
from paunchd.spec import Kind, Rollout
from tests.unit.places import NOW, RULES, good, item, of
from tests.unit.plans import planned
from tests.unit.situations import NAMES, SPECS, any_facts

MANY = settings(max_examples=200, deadline=None)


def with_trials(facts):
    """*facts* as a pass sees them: with the memory of each trial after this very look."""
    found = trials(facts, RULES)
    names = dict(facts.history.names)
    for name in names.keys() | found.keys():
        names[name] = replace(names.get(name, Past()), trial=found.get(name))
    return replace(facts, history=replace(facts.history, names=names))


def turned_round(facts):
    """The same facts with every mapping in the opposite order."""

    def back(mapping):
        return dict(reversed(list(mapping.items())))

    return replace(
        facts,
        desired=replace(facts.desired, items=back(facts.desired.items), protected=back(facts.desired.protected)),
        observed=Observed(back(facts.observed.names), back(facts.observed.probes)),
        history=replace(facts.history, names=back(facts.history.names)),
    )


def taken_names(facts, lane):
    """Engine names of *lane*'s name that are taken, each with whether by us."""
    seen = facts.observed.of(lane.name)
    return {c.engine_name: True for c in seen.containers} | dict.fromkeys(seen.foreign, False)


def check_touch(step, taken):
    """*step* touches only what is ours and takes only names that are free; *taken* becomes as after it."""
    touched = getattr(step, "engine_name", "")
    if isinstance(step, Create):
        assert touched not in taken, f"{step}: the name is taken"
        taken[touched] = True
        return
    if touched or not isinstance(step, Reject):
        assert not touched or taken.get(touched), f"{step}: not ours"
    if isinstance(step, Rename):
        assert step.to not in taken, f"{step}: the name is taken"
        taken[step.to] = taken.pop(touched)
    if type(step).__name__ == "Remove":
        del taken[touched]


@MANY
@given(any_facts())
def test_every_situation_has_a_plan_and_every_name_a_status(facts):
    """No combination of facts makes planning raise, and nobody is left without an answer."""
    for case in (facts, with_trials(facts)):
        made = plan(case, RULES)
        there = {name for name, seen in case.observed.names.items() if seen.containers}
        assert made.statuses.keys() == case.desired.items.keys() | there | case.desired.protected.keys()
        assert all(status.name == name for name, status in made.statuses.items())
        assert str(made).count("\n") + 1 == sum(1 + len(lane.steps) for lane in made.lanes) or not made.lanes


@MANY
@given(any_facts())
def test_a_plan_depends_on_the_facts_and_not_on_their_order(facts):
    """The same facts give the same lanes and statuses, in whatever order directory and engine name them."""
    made, again = plan(facts, RULES), plan(turned_round(facts), RULES)
    assert made == plan(facts, RULES)
    assert made.statuses == again.statuses
    assert sorted(map(str, made.lanes)) == sorted(map(str, again.lanes))
    assert made.look_again_at == again.look_again_at


@MANY
@given(any_facts(), any_facts())
def test_what_names_wanted_before_changes_no_plan(before, facts):
    """It saves work and nothing else, however much time has passed and whatever has become of the node."""
    wanted = {}
    for case in (with_trials(before), with_trials(facts), facts):
        for seconds in (0, 1, 60, 3600):
            later = replace(case, now=case.now + seconds)
            wanted = wants(later, RULES, wanted)
            assert plan(later, RULES, wanted) == plan(later, RULES)


@MANY
@given(any_facts())
def test_no_lane_touches_what_is_not_ours_or_takes_a_name_that_is_not_free(facts):
    """Along a whole lane each step meets a container of ours by its id, or a name nobody has (T-015, T-113)."""
    for lane in plan(with_trials(facts), RULES).lanes:
        taken = taken_names(facts, lane)
        assert set(lane.ids) >= {name for name, ours in taken.items() if ours}
        for step in lane.steps:
            check_touch(step, taken)


@MANY
@given(any_facts())
def test_no_lane_begins_that_must_not(facts):
    """One lane a name at most; none for a name in flight, held, protected, or not removable just now."""
    made = plan(with_trials(facts), RULES)
    names = [lane.name for lane in made.lanes]
    assert len(names) == len(set(names))
    for lane in made.lanes:
        assert lane.steps
        assert lane.name not in facts.in_flight
        assert not facts.history.of(lane.name).hold
        assert lane.name not in facts.desired.protected
        assert lane.name in facts.desired.items or not facts.desired.degraded


def in_one_group(facts):
    """*facts* with every declared container in the same rollout group."""
    items = {}
    for name, one in facts.desired.items.items():
        rollout = replace(one.spec.rollout or Rollout(), group="all")
        items[name] = replace(one, spec=one.spec.model_copy(update={"rollout": rollout}))
    return replace(facts, desired=replace(facts.desired, items=items))


@MANY
@given(any_facts().map(in_one_group))
def test_a_group_is_recorded_whole_or_not_at_all(facts):
    """Everyone who changes is in the record that makes a group good, who can go back in the one that rejects it."""
    facts = with_trials(facts)
    drifts = [drift for drift in diff(facts).values() if drift.item.spec.kind is Kind.CONTAINER]
    changing = {drift.name: drift.effective.hash for drift in drifts if not drift.is_good and not drift.unknown}
    returning = {drift.name for drift in drifts if drift.good} & changing.keys()
    for lane in plan(facts, RULES).lanes:
        for step in lane.steps if lane.name in changing and len(changing) > 1 else ():
            if isinstance(step, (Accept, Reject)) and step.revision == changing[lane.name]:
                recorded = {step.name, *(other.name for other in step.others)}
                assert lane.steps == (step,)
                assert isinstance(step, Reject) or not facts.in_flight & changing.keys()
                assert recorded == (changing.keys() if isinstance(step, Accept) else returning)
                assert all(other.others == () for other in step.others)


@MANY
@given(any_facts())
def test_the_next_look_is_never_in_the_past(facts):
    """A timer that has passed would make the loop spin."""
    made = plan(with_trials(facts), RULES)
    assert made.look_again_at is None or made.look_again_at > NOW


@MANY
@given(any_facts())
def test_settled_means_running_as_desired(facts):
    """A settled name has no lane, no trouble, and what its definition asks for; a broken one is never settled."""
    case = with_trials(facts)
    made = plan(case, RULES)
    for name, status in made.statuses.items():
        if not status.settled:
            continue
        one, live = case.desired.items[name], case.observed.of(name).live
        assert name not in {lane.name for lane in made.lanes}
        assert name not in case.in_flight
        assert not one.kept_because
        assert status.state.value in ("running", "proving", "succeeded")
        if one.spec.kind is Kind.CONTAINER:
            assert live is not None
            assert live.hash == one.hash


def without_attempts(facts):
    pasts = {name: replace(past, attempt=None, update=None) for name, past in facts.history.names.items()}
    return replace(facts, history=replace(facts.history, names=pasts))


def without_images(text):
    return re.sub(r"~[0-9a-z]+", "", text)


@MANY
@given(any_facts())
def test_telling_images_apart_changes_no_plan_where_none_has_moved(facts):
    """Turned on over whatever a node has come to, with every name still meaning what runs, nothing else is done.

    Only what was to be tried again later may be tried once more at once.
    """
    facts = without_attempts(facts)
    replacing = replace(RULES, moved_image="replace")
    apart = told_apart(replace(facts, observed=replace(facts.observed, images={"stub:1": "sha256:1"})), replacing)
    before, after = plan(with_trials(facts), RULES), plan(with_trials(apart), replacing)
    assert without_images(str(after)) == str(before)
    assert {name: replace(one, reason="") for name, one in after.statuses.items()} == {
        name: replace(one, reason="") for name, one in before.statuses.items()
    }
    assert told_apart(facts, RULES) == facts


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(SPECS[:6]), min_size=1, max_size=4))
def test_where_everything_runs_as_desired_all_is_settled(specs):
    """Without a difference there is no lane, no timer and nothing unsettled."""
    declared = [Item(name, "node", None, one, f"v1:{name}") for name, one in zip(NAMES, specs, strict=False)]
    running = [of(one, limits=one.spec.limits) for one in declared]
    made = planned(declared, running, {one.name: good(one) for one in declared})
    assert made.lanes == ()
    assert made.look_again_at is None
    assert all(status.settled for status in made.statuses.values())


def calls(work) -> int:
    """How many Python functions *work* calls: a measure of effort that no machine changes."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def node_of(size, *, running, ring):
    """A node of *size* containers in five steps, each depending on the one before it."""
    declared = [
        item(
            f"web{n:04}", f"tripleo_step{n * 5 // size}", step=n * 5 // size, depends_on=[f"web{n - 1:04}"] if n else []
        )
        for n in range(size)
    ]
    if ring:
        declared += [item("ring0", depends_on=["ring1"]), item("ring1", depends_on=["ring0"])]
    there: list[Container] = [of(one) for one in declared[: size // 2]] if running else []
    return declared, there, {one.name: good(one) for one in declared[: len(there)]}


@pytest.mark.parametrize("ring", [False, True], ids=["acyclic", "with a cycle"])
@pytest.mark.parametrize("running", [False, True], ids=["empty node", "half running"])
def test_the_effort_grows_with_the_node_and_no_faster(running, ring):
    """Ten times the containers cost about ten times the work, a cycle somewhere included."""
    small, large = (node_of(size, running=running, ring=ring) for size in (40, 400))
    assert calls(lambda: planned(*large)) < 12 * calls(lambda: planned(*small))
