"""What no config declares any more, as plans (behaviour, section 9)."""

from inspect import cleandoc
from typing import get_args

import pytest

from paunchd.reconcile.model import Config, Fault, Past, State, Status, Step
from tests.unit.places import NOW, container, good, item, of
from tests.unit.plans import attempt, begun, planned, standing


def fleet(count, first=0, **fields):
    return [container(f"web{n}", f"v1:{n}", **fields) for n in range(first, first + count)]


def broken(config_id):
    return {"configs": {config_id: Config(config_id, "d1", faults=(Fault(f"{config_id}.yaml", "a tab"),))}}


def test_an_orphaned_container_is_stopped_and_removed():
    """What left the directory leaves the node, with its own grace period (T-004)."""
    assert str(planned([], [container("web", "v1:old")])) == "web: orphaned\n  stop web\n  remove web"


def test_all_containers_of_an_orphaned_name_go():
    """The live, the prepared and the kept one, and whatever was renamed by hand."""
    made = planned([], [
        container("web", "v1:new"),
        container("web.next", "v1:next", "created"),
        container("web.prev", "v1:old", "exited"),
        container("tmp", "v1:old", "exited", name="web"),
    ])  # fmt: skip
    assert str(made) == cleandoc("""
        web: orphaned
          stop web
          remove web
          remove web.next
          remove web.prev
          remove tmp
    """)


def test_removing_a_config_removes_exactly_its_containers():
    """All containers the config declared go, and none that merely has its name (T-001)."""
    stays = item("node", "other")
    containers = [of(stays), container("one", config_id="node"), container("two", config_id="node")]
    made = planned([stays], containers, {"node": good(stays)})
    assert begun(made) == ["one", "two"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_orphans_is_taken_care_of(count):
    """None, one or many: only ours, and all of ours (T-002)."""
    assert len(planned([], fleet(count)).lanes) == count


def test_a_foreign_container_is_never_removed():
    """Without our label it is nothing to us, whatever it is called (T-015, T-113)."""
    made = planned([], [], foreign=["web"])
    assert str(made) == ""
    assert not made.statuses


def test_there_is_no_step_that_removes_a_volume_or_an_image():
    """Named volumes and images stay, because nothing here can remove one."""
    assert sorted(step.__name__ for step in get_args(Step)) == [
        "Accept", "CheckSources", "Create", "Kill", "Pull", "RecordRead", "RecordTask", "Reject", "Reload", "Remove",
        "Rename", "RunExec", "Start", "Stop", "Tell", "Unpause", "Update",
    ]  # fmt: skip


# --- order --------------------------------------------------------------------------------------------------------


def test_removal_runs_in_reverse_order():
    """What came last goes first; the rest wait for it and say so."""
    past = {"web0": Past(rank=(3, 0)), "web1": Past(rank=(4, 0)), "web2": Past(rank=(4, 1))}
    made = planned([], fleet(3), past)
    assert begun(made) == ["web2"]
    status = made.statuses["web0"]
    reason = "orphaned; what came after it goes first"
    assert status == Status("web0", State.REMOVING, reason, blocked_by=("web2",))
    assert made.statuses["web2"] == Status("web2", State.REMOVING, "orphaned")
    assert begun(planned([], fleet(2), past)) == ["web1"]


def test_equal_ranks_go_together():
    """Nothing is gained by removing neighbours one after the other."""
    assert begun(planned([], fleet(3), {f"web{n}": Past(rank=(4, 2)) for n in range(3)})) == ["web0", "web1", "web2"]


def test_a_removal_in_flight_still_comes_first():
    """While the last one is being stopped, what came before it stays."""
    past = {"web0": Past(rank=(3, 0)), "web1": Past(rank=(4, 0))}
    assert str(planned([], fleet(2), past, in_flight=["web1"])) == ""


def test_a_removal_that_failed_is_tried_again_with_back_off():
    """A container the engine does not let go is tried again later, and the state says what is wrong."""
    past = {"web0": Past(attempt=attempt("", NOW + 7, "cannot remove web0: device busy"))}
    made = planned([], fleet(1), past)
    assert str(made) == ""
    status = made.statuses["web0"]
    assert (status.state, status.reason, made.look_again_at) == (
        State.REMOVING,
        "cannot remove web0: device busy",
        NOW + 7,
    )


# --- the guard ----------------------------------------------------------------------------------------------------


def test_more_removals_than_the_guard_allows_are_held():
    """All files gone at once is more likely a mistake than a wish (S-24)."""
    made = planned([], fleet(6))
    assert str(made) == ""
    assert {status.state for status in made.statuses.values()} == {State.HELD}
    assert made.statuses["web0"].reason.startswith("6 of 6 containers would be removed at once; ")
    assert "paunchctl confirm-removals" in made.statuses["web0"].reason


@pytest.mark.parametrize(
    ("leaving", "staying", "held"),
    [(5, 0, False), (6, 5, True), (6, 6, False), (7, 6, True), (60, 61, False)],
)
def test_the_guard_needs_both_a_number_and_a_share(leaving, staying, held):
    """More than five and more than half of ours: neither alone holds anything."""
    stay = [item(f"stay{n}", hash_=f"v1:s{n}") for n in range(staying)]
    made = planned(stay, [*fleet(leaving), *(of(one) for one in stay)], {one.name: good(one) for one in stay})
    assert (begun(made) == []) is held


def test_names_that_are_not_orphaned_do_not_wait_for_the_guard():
    """Held removals hold nothing else."""
    assert begun(planned([item("new")], fleet(6))) == ["new"]


def test_confirmed_removals_go_ahead():
    """An operator's word is enough, for the names it was given for."""
    confirmed = frozenset(f"web{n}" for n in range(6))
    assert len(planned([], fleet(6), history={"confirmed": confirmed}).lanes) == 6


def test_a_confirmation_covers_only_the_names_it_was_given_for():
    """A second wave of orphans is held again; the confirmed ones go."""
    confirmed = frozenset(f"web{n}" for n in range(6))
    made = planned([], [*fleet(6), *fleet(14, first=6)], history={"confirmed": confirmed})
    assert begun(made) == sorted(confirmed)
    assert made.statuses["web19"].state is State.HELD


# --- absent and unreadable are two things -------------------------------------------------------------------------


def test_while_the_directory_cannot_be_read_nothing_is_removed():
    """An unmounted directory declares nothing, and that is no wish to remove everything."""
    made = planned([], fleet(1), desired={"degraded": "cannot read the directory"})
    assert str(made) == ""
    status = made.statuses["web0"]
    assert (status.state, status.reason) == (State.HELD, "not removed: cannot read the directory")


def test_a_container_of_a_broken_file_stays():
    """A file that does not parse may well declare it."""
    made = planned([], [container("web"), container("other", config_id="fine")], desired=broken("node"))
    assert begun(made) == ["other"]
    assert made.statuses["web"] == Status("web", State.BROKEN, "not removed: the file of node is broken")


def test_a_name_that_two_files_claim_is_protected():
    """Where it is not clear whose it is, it is neither changed nor removed (T-112)."""
    protected = {"protected": {"web": "declared in a.yaml and in b.yaml"}}
    made = planned([], [container("web")], desired=protected)
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.reason) == (State.CONFLICT, "declared in a.yaml and in b.yaml")
    assert standing("web", desired=protected) == status


def test_what_stays_by_rule_does_not_count_against_the_guard():
    """Containers of a broken file are not leaving, so a few others may."""
    kept = [container(f"kept{n}", config_id="node") for n in range(20)]
    made = planned([], [*kept, *[container(f"gone{n}", config_id="x") for n in range(6)]], desired=broken("node"))
    assert len(made.lanes) == 6
