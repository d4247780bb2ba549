"""What is told as events is what differs between one snapshot and the next."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from paunchd.api.changes import (
    HoldChanged,
    LaneBegan,
    LaneEnded,
    NameGone,
    NodeChanged,
    RevisionAccepted,
    RevisionRejected,
    RunEnded,
    StateChanged,
    changes,
)
from paunchd.reconcile.model import Lane, Past, Reason, Result, Revision, Snapshot, Start, State, Status
from paunchd.reconcile.plan import plan
from tests import snapshots
from tests.unit.places import RULES
from tests.unit.situations import any_facts

RUNNING = Status("web", State.RUNNING, settled=True)
STARTING = Status("web", State.STARTING, "just started")
LANE = Lane("web", Reason("exited", "code 1"), (Start("web"),))


def node(*statuses, **keys):
    return snapshots.snapshot(*statuses, **keys)


def told(before, after):
    """The events of names; the node's own are asked for by themselves."""
    return [change for change in changes(before, after) if not isinstance(change, NodeChanged)]


def test_where_nothing_changed_nothing_is_told():
    """A pass over an unchanged node is no event."""
    before = snapshots.troubled()
    assert list(changes(before, replace(before, doing={}, wall_offset=0.0))) == []


def test_a_name_in_another_state_is_told_with_what_it_was():
    """State, reason, and whether it has settled: what an operator watches for."""
    (change,) = told(node(STARTING), node(RUNNING))
    assert change == StateChanged(
        name="web", config_id=None, state="running", was="starting", reason="", settled=True, blocked_by=[]
    )


@pytest.mark.parametrize(
    "later",
    [replace(STARTING, reason="not healthy yet"), replace(STARTING, blocked_by=("db",)), replace(RUNNING)],
)
def test_another_reason_is_a_change_as_well(later):
    """The same state for another reason is what an operator wants to see go by."""
    assert [type(one) for one in told(node(STARTING), node(later))] == [StateChanged]


def test_only_a_timer_that_moves_is_no_change():
    """When to look again is nobody's business."""
    assert told(node(replace(STARTING, until=1.0)), node(replace(STARTING, until=2.0))) == []


def test_a_new_name_was_nothing_and_a_removed_one_is_gone():
    """Names come and go with the directory."""
    (new,) = told(node(), node(RUNNING))
    assert (new.name, new.was) == ("web", None)
    assert told(node(RUNNING), node()) == [NameGone(name="web", was="running")]


def test_a_lane_is_told_when_it_begins_and_when_it_ends():
    """With its reason and its steps, in the words of the plan."""
    idle, busy = node(STARTING), node(STARTING, in_flight={"web": LANE})
    assert told(idle, busy) == [
        LaneBegan(name="web", reason="exited (code 1)", steps=["start web"]),
    ]
    assert told(busy, idle) == [LaneEnded(name="web", reason="exited (code 1)")]


def test_a_lane_that_follows_another_at_once_is_told_apart():
    """Two lanes of one name without a pass between them end and begin."""
    again = replace(LANE)
    kinds = [
        type(one) for one in told(node(STARTING, in_flight={"web": LANE}), node(STARTING, in_flight={"web": again}))
    ]
    assert kinds == [LaneEnded, LaneBegan]


@pytest.mark.parametrize(
    ("past", "change"),
    [
        (Past(good=Revision("v1:b")), RevisionAccepted(name="web", revision="v1:b")),
        (
            Past(good=Revision("v1:a"), rejected={"v1:b": "exited"}),
            RevisionRejected(name="web", revision="v1:b", cause="exited"),
        ),
        (
            Past(good=Revision("v1:a"), results={"v1:b": Result(succeeded=False, exit_code=3)}),
            RunEnded(name="web", revision="v1:b", succeeded=False, exit_code=3, cause=""),
        ),
        (Past(good=Revision("v1:a"), hold=True), HoldChanged(name="web", hold=True)),
    ],
    ids=["accepted", "rejected", "run", "held"],
)
def test_what_is_newly_remembered_is_told(past, change):
    """Verdicts, results and holds are events, each once."""
    before = node(RUNNING, pasts={"web": Past(good=Revision("v1:a"))})
    after = node(RUNNING, pasts={"web": past})
    assert told(before, after) == [change]
    assert told(after, after) == []


def test_a_run_that_is_tried_again_is_told_again():
    """The same outcome of a second attempt is a second event, and that it is to be tried is none."""
    once, twice = (Past(results={"v1:b": Result(succeeded=False, exit_code=3, attempts=n)}) for n in (1, 2))
    asked = Past(results={"v1:b": Result(succeeded=False, exit_code=3, attempts=0)})
    assert len(told(node(RUNNING, pasts={"web": once}), node(RUNNING, pasts={"web": twice}))) == 1
    assert told(node(RUNNING, pasts={"web": once}), node(RUNNING, pasts={"web": asked})) == []
    assert len(told(node(RUNNING, pasts={"web": asked}), node(RUNNING, pasts={"web": once}))) == 1


def test_an_engine_that_goes_away_makes_everyone_unknown():
    """The node says why, and so does each name."""
    before, after = node(RUNNING), node(RUNNING, engine="connection refused")
    first, *rest = changes(before, after)
    assert (first.engine, first.settled) == ("connection refused", False)
    assert [(one.name, one.state) for one in rest] == [("web", "unknown")]


def snapshot_of(facts):
    return Snapshot(facts.desired, facts.observed, facts.history, plan(facts, RULES))


@settings(max_examples=100, deadline=None)
@given(any_facts(), any_facts())
def test_whoever_follows_the_events_knows_every_state(earlier, later):
    """Applied to the states there were, the events give the states there are, whatever happened in between."""
    before, after = snapshot_of(earlier), snapshot_of(later)
    states = {name: status.state.value for name, status in before.plan.statuses.items()}
    for change in changes(before, after):
        if isinstance(change, StateChanged):
            assert states.get(change.name) == change.was
            states[change.name] = change.state
        elif isinstance(change, NameGone):
            del states[change.name]
    assert states == {name: status.state.value for name, status in after.plan.statuses.items()}
