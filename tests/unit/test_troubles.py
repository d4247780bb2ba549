"""What is wrong is said in the order in which it hurts, each with what a person does about it."""

from dataclasses import replace

import pytest

from paunchd.reconcile.model import Past, State, Status
from paunchd.troubles import summary, trouble_of, troubles
from tests import snapshots
from tests.snapshots import snapshot

WELL = (State.RUNNING, State.PROVING, State.SUCCEEDED, State.STARTING, State.PREPARING, State.REMOVING, State.HELD)
NEEDS_A_PERSON = (State.PARKED, State.FAILED, State.ROLLED_BACK, State.CONFLICT, State.BROKEN)


@pytest.mark.parametrize("state", State)
def test_every_state_is_well_wrong_or_nobodys_fault(state):
    """Where a person is needed he is told what to do; where all is well, or will be by itself, nobody is."""
    found = trouble_of(snapshot(Status("web", state, "why")), "web")
    assert (found is None) == (state in (*WELL, State.BLOCKED, State.UNKNOWN))
    if found:
        assert (found.what, found.name, found.cause) == (state.value, "web", "why")
        assert found.bad == (state in NEEDS_A_PERSON)
        assert found.advice


@pytest.mark.parametrize("state", NEEDS_A_PERSON)
def test_an_error_is_told_of_what_it_may_explain(state):
    """What went wrong with a name is remembered when all is well again; a conflict is not its doing."""
    found = trouble_of(snapshot(Status("web", state, "why"), pasts={"web": Past(last_error="exited")}), "web")
    assert found.last_error == ("" if state in (State.CONFLICT, State.BROKEN) else "exited")


def test_who_waits_for_nobody_in_vain_is_wrong():
    """A dependency that no config declares will never be there; one that is only behind will."""
    node = snapshot(
        Status("web", State.BLOCKED, "depends on dbb, which no config declares", blocked_by=("dbb",)),
        Status("api", State.BLOCKED, "waits for db to be healthy", blocked_by=("db",)),
        Status("db", State.STARTING),
    )
    (found,) = troubles(node)
    assert (found.name, found.bad) == ("web", True)
    assert found.advice == "declare dbb, or take it out of its depends_on"
    assert summary(node) == "1 blocked in vain, 3 names, not settled"


def test_a_misspelt_dependency_is_told_with_the_name_that_is_meant():
    """As a misspelt key is."""
    blocked = Status("web", State.BLOCKED, blocked_by=("mariabd",))
    found = trouble_of(snapshot(blocked, items=[snapshots.item("mariadb")]), "web")
    assert found.advice == "declare mariabd (did you mean mariadb?), or take it out of its depends_on"


def test_who_waits_while_the_old_one_serves_is_told_so():
    """An operator must know whether anything is down before he does anything about it."""
    waiting = Status("web", State.WAITING, "bind source missing on this host: /data")
    serving = snapshot(waiting, seen={"web": snapshots.Seen(live=snapshots.container("web"))})
    assert trouble_of(serving, "web").advice.startswith("what ran before runs on; it is tried again by itself")
    assert trouble_of(snapshot(waiting), "web").advice.startswith("it is tried again by itself")


def test_what_hurts_most_comes_first():
    """The node before files, files before names, a name without any container that serves before one with."""
    order = [State.PARKED, State.FAILED, State.ROLLED_BACK, State.CONFLICT, State.BROKEN, State.BLOCKED, State.WAITING]
    statuses = [Status(state.value, state, blocked_by=("gone",)) for state in reversed(order)]
    found = troubles(snapshot(*statuses, Status("fine", State.RUNNING, settled=True)))
    assert [one.what for one in found] == [state.value for state in order]


def test_a_node_that_cannot_be_judged_is_wrong_by_itself():
    """An engine or a directory that is away says so, with what becomes of the containers meanwhile."""
    node = replace(snapshot(degraded="not mounted"), engine="connection refused")
    assert [(one.what, one.cause, one.bad) for one in troubles(node)] == [
        ("engine away", "connection refused", True),
        ("source degraded", "not mounted", True),
    ]


def test_removals_that_wait_are_wrong_and_a_hold_is_not():
    """An operator's own hold needs no advice to undo it."""
    statuses = [Status(name, State.HELD) for name in ("left", "kept")]
    node = snapshot(*statuses, pasts={"kept": Past(hold=True)})
    (found,) = troubles(node)
    assert (found.what, found.cause, found.bad) == ("removals held", "left", True)


def test_a_node_that_is_well_has_no_troubles():
    """Nothing is said where nothing is wrong."""
    assert troubles(snapshots.settled()) == []
