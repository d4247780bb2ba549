"""When a plan need not be made again: nothing but time has passed, and none of it matters."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paunchd.reconcile.model import History, Past
from paunchd.reconcile.plan import Planned, plan, still_holds, trials
from tests.unit.places import NOW, RULES, facts, good, item, of
from tests.unit.plans import attempt, trial
from tests.unit.situations import any_facts

YEAR = 365 * 24 * 3600.0
WEB = item()
CALM = facts([WEB], [of(WEB)], {"web": good(WEB)})


def made_of(before, rules=RULES):
    return Planned(before, rules, plan(before, rules))


def later(before, seconds):
    return replace(before, now=before.now + seconds, observed=replace(before.observed, at=before.observed.at + seconds))


def untimed(before):
    """*before* without what is only in the daemon's memory, as on a node that has been left alone for long."""
    names = {name: replace(past, trial=None, attempt=None, update=None) for name, past in before.history.names.items()}
    return replace(before, history=replace(before.history, names=names))


def in_a_pass(before):
    """*before* as a pass plans with it: with the memory of each trial after this very look."""
    names = {name: replace(before.history.of(name), trial=one) for name, one in trials(before, RULES).items()}
    return replace(before, history=replace(before.history, names={**before.history.names, **names}))


@settings(max_examples=1000, deadline=None)
@given(any_facts().map(untimed).map(in_a_pass), st.floats(0, YEAR))
def test_what_still_holds_is_what_would_be_planned(before, seconds):
    """However long nothing has happened, planning again would say the same, and nobody has anything to prove."""
    made = made_of(before)
    after = later(before, seconds)
    if still_holds(made, after, RULES):
        assert plan(after, RULES) == made.plan
        assert trials(after, RULES) == {}


def test_a_good_node_needs_no_new_plan():
    """Nothing to do, nothing to wait for: so it stays for as long as nothing is another."""
    assert still_holds(made_of(CALM), later(CALM, YEAR), RULES)


@pytest.mark.parametrize(
    "after",
    [
        facts([item(image="stub:2")], [of(WEB)], {"web": good(WEB)}),
        facts([WEB], [of(WEB, state="exited")], {"web": good(WEB)}),
        facts([WEB], [], {"web": good(WEB)}),
        facts([WEB], [of(WEB)], {"web": good(WEB, hold=True)}),
        replace(CALM, in_flight=frozenset({"web"})),
        replace(CALM, history=replace(CALM.history, confirmed=frozenset({"old"}))),
    ],
    ids=["desired", "state", "gone", "held", "in flight", "confirmed"],
)
def test_whatever_is_another_is_planned_again(after):
    """The directory, the engine, what is remembered, what is being worked on, what a person has said."""
    assert not still_holds(made_of(CALM), later(after, 1), RULES)


def test_other_rules_make_another_plan():
    """Settings that were read again count at once."""
    assert not still_holds(made_of(CALM), later(CALM, 1), replace(RULES, moved_image="replace"))


@pytest.mark.parametrize(
    "past",
    [
        good(WEB, trial=trial(of(WEB), healthy_at=NOW)),
        good(WEB, attempt=attempt(WEB.hash)),
        good(WEB, update=attempt("memory=1")),
    ],
    ids=["on trial", "tried", "set in place"],
)
def test_what_time_may_change_is_planned_again(past):
    """A trial runs out, and so does what was tried."""
    timed = replace(CALM, history=History({"web": past}))
    assert not still_holds(made_of(timed), later(timed, 1), RULES)


def test_what_has_yet_to_begin_is_planned_again():
    """A lane that was to begin may not have begun."""
    missing = facts([WEB], [], {})
    assert plan(missing, RULES).lanes
    assert not still_holds(made_of(missing), later(missing, 1), RULES)


def test_a_wait_for_a_moment_is_planned_again():
    """Whoever never was good is looked at again when its gate ends."""
    young = facts([WEB], [of(WEB)], {"web": Past(known=True, trial=trial(of(WEB)))})
    assert plan(young, RULES).look_again_at is not None
    assert not still_holds(made_of(young), later(young, 1), RULES)
