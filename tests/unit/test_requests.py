"""What a person asks for is remembered, for a whole rollout group at once, and carried out by the next pass."""

from dataclasses import replace

import pytest

from paunchd.api.board import Board
from paunchd.reconcile.model import History, Item, Observed, Restart, Revision
from paunchd.requests import Requests
from paunchd.store import Store
from paunchd.store_records import Rejection
from tests import snapshots
from tests.unit.places import spec


class Quiet:
    """In the place of a loop and of a recorder: nothing but what requests touch."""

    def __init__(self):
        self.woken = 0
        self.looked_anew = False
        self.attempts = {"aa": "an attempt", "bb": "an attempt"}
        self.told_back = []

    def wake(self):
        self.woken += 1

    def now(self):
        return 5.0

    def look_anew(self):
        self.looked_anew = True

    def forget(self, name):
        self.attempts.pop(name, None)

    def rolled_back(self, name):
        self.forget(name)
        self.told_back.append(name)


class Desk:
    """Requests at a board that shows *group* members at their second version, from what the store remembers."""

    def __init__(self, path, group="pair", names=("aa", "bb")):
        self.store = Store(path)
        self.quiet = Quiet()
        self.group = group
        self.names = names
        self.board = Board()
        self.requests = Requests(self.quiet, self.store, self.quiet, self.board, self.quiet.look_anew)
        self.refresh()

    def refresh(self, version=2):
        items = [
            Item(name, "node", None, spec(rollout={"group": self.group} if self.group else {}), f"{name}{version}")
            for name in self.names
        ]
        statuses = [snapshots.Status(name, snapshots.State.RUNNING) for name in self.names]
        shown = snapshots.snapshot(*statuses, items=items, pasts=self.store.names())
        assert isinstance(shown.history, History)
        self.board.publish(shown)

    def accept(self, version, *names):
        self.store.accept_together({name: Revision(f"{name}{version}", spec()) for name in names})
        self.refresh()

    def good(self):
        return {name: past.good and past.good.hash for name, past in self.store.names().items()}

    def rejected(self):
        return {name: set(past.rejected) for name, past in self.store.names().items() if past.rejected}


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path / "state.db")
    yield made
    made.store.close()


async def test_a_rollout_under_way_is_taken_back_with_its_group(desk):
    """Members on trial are rejected together, what was good stays good, and the next pass is woken."""
    desk.accept(1, "aa", "bb")
    await desk.requests.rollback("aa", uid=0)
    assert desk.rejected() == {"aa": {"aa2"}, "bb": {"bb2"}}
    assert desk.good() == {"aa": "aa1", "bb": "bb1"}
    assert desk.quiet.woken
    assert desk.quiet.attempts == {}
    assert desk.quiet.told_back == ["aa", "bb"]


async def test_what_was_proven_together_goes_back_together(desk):
    """After probation the revisions before are good again, for each member that got its new one with the others."""
    desk.accept(1, "aa", "bb")
    desk.accept(2, "aa", "bb")
    await desk.requests.rollback("bb", uid=0)
    assert desk.good() == {"aa": "aa1", "bb": "bb1"}
    assert desk.rejected() == {"aa": {"aa2"}, "bb": {"bb2"}}


async def test_a_member_proven_earlier_is_not_taken_back_with_the_rest(desk):
    """Its own last rollout was another one, perhaps long ago, and nobody has asked to undo that."""
    desk.accept(1, "aa", "bb")
    desk.accept(2, "bb")
    desk.accept(2, "aa")
    await desk.requests.rollback("aa", uid=0)
    assert desk.good() == {"aa": "aa1", "bb": "bb2"}


async def test_a_member_that_did_not_change_is_not_taken_back_with_one_on_trial(desk):
    """Who is good at what is declared has no part in a rollout under way."""
    desk.accept(1, "aa", "bb")
    desk.accept(2, "bb")
    await desk.requests.rollback("aa", uid=0)
    assert desk.rejected() == {"aa": {"aa2"}}


async def test_what_was_seen_before_a_request_does_not_heed_it(desk):
    """A look that had begun by then may have missed it; one that begins later has not."""
    desk.accept(1, "aa", "bb")
    before = desk.board.current
    assert desk.board.heeds(before)
    await desk.requests.rollback("aa", uid=0)
    assert not desk.board.heeds(before)
    assert not desk.board.heeds(replace(before, observed=Observed({}, at=desk.quiet.now())))
    assert desk.board.heeds(replace(before, observed=Observed({}, at=desk.quiet.now() + 1)))


async def test_a_name_without_a_group_goes_back_alone(tmp_path):
    """Containers that only stand in the same file have nothing to do with each other."""
    desk = Desk(tmp_path / "alone.db", group="")
    desk.accept(1, "aa", "bb")
    await desk.requests.rollback("aa", uid=0)
    assert desk.rejected() == {"aa": {"aa2"}}
    desk.store.close()


async def test_without_anything_to_go_back_to_nothing_changes(desk):
    """The first revision there ever was cannot be taken back, and the answer says so."""
    with pytest.raises(ValueError, match="cannot roll back aa: no good revision but the desired one"):
        await desk.requests.rollback("aa", uid=0)
    desk.accept(2, "aa")
    with pytest.raises(ValueError, match="no good revision but the desired one"):
        await desk.requests.rollback("aa", uid=0)
    assert desk.rejected() == {}


async def test_what_was_rejected_already_keeps_its_evidence(desk):
    """Asking for what is so already is refused, and nobody is taken down for it."""
    desk.accept(1, "aa", "bb")
    desk.store.reject("aa", Rejection("aa2", "exited with code 3", {"logs": "no such option"}))
    desk.refresh()
    with pytest.raises(ValueError, match="the good one is back"):
        await desk.requests.rollback("aa", uid=0)
    assert desk.store.events("aa") == []
    (kept,) = desk.store.evidence("aa")
    assert (kept["cause"], kept["logs"]) == ("exited with code 3", "no such option")


async def test_a_second_rollback_does_not_go_further_back(desk):
    """A person who asks twice means the same thing."""
    for version in (1, 2):
        desk.accept(version, "aa")
    await desk.requests.rollback("aa", uid=0)
    desk.refresh()
    with pytest.raises(ValueError, match="the good one is back"):
        await desk.requests.rollback("aa", uid=0)
    assert desk.good()["aa"] == "aa1"


async def test_a_name_of_which_nothing_has_failed_is_not_tried_again(desk):
    """What is kept of earlier failures is not given away for nothing."""
    desk.accept(2, "aa")
    desk.store.reject("aa", Rejection("aa1", "it failed before"))
    shown = desk.board.current
    statuses = {**shown.plan.statuses, "aa": replace(shown.plan.statuses["aa"], settled=True)}
    desk.board.publish(replace(shown, plan=replace(shown.plan, statuses=statuses)))
    with pytest.raises(ValueError, match="nothing of it has failed"):
        await desk.requests.retry("aa", uid=0)
    assert desk.rejected() == {"aa": {"aa1"}}


async def test_a_group_that_was_rejected_together_is_tried_again_together(desk):
    """Nobody has to think of every member that was taken back because of another."""
    desk.accept(1, "aa", "bb")
    desk.store.reject_together({"aa": Rejection("aa2", "it failed"), "bb": Rejection("bb2", "aa failed")})
    desk.refresh()
    await desk.requests.retry("aa", uid=0)
    assert desk.rejected() == {}
    assert [event["event"] for event in desk.store.events("bb")] == ["asked to retry"]


def running(desk, **changes):
    """Show the desk's first name with a container, which runs unless *changes* say otherwise."""
    shown = desk.board.current
    made = snapshots.container("aa", **changes)
    desk.board.publish(replace(shown, observed=Observed({"aa": snapshots.Seen(live=made)})))
    return made


async def test_a_restart_is_remembered_of_the_run_there_is(desk):
    """The container and when it was started: after that it is another run."""
    live = running(desk)
    await desk.requests.restart("aa", uid=42)
    assert desk.store.names()["aa"].restart == Restart(live.id, live.details.started_at)
    assert desk.quiet.woken == 1
    (told,) = desk.store.events("aa")
    assert (told["event"], told["uid"], told["hash"]) == ("asked to restart", 42, live.hash)


@pytest.mark.parametrize("why", ["is held", "does not run", "only a declared container"])
async def test_what_cannot_be_restarted_is_refused(desk, why):
    """A held one, one that is down, a task: each is told why, and nothing is remembered."""
    running(desk, state=snapshots.ContainerState.EXITED if why == "does not run" else snapshots.ContainerState.RUNNING)
    if why == "is held":
        desk.store.set_hold("aa", hold=True)
        desk.board.publish(replace(desk.board.current, history=History(desk.store.names())))
    if why == "only a declared container":
        desk.board.publish(replace(desk.board.current, desired=replace(desk.board.current.desired, items={})))
    with pytest.raises(ValueError, match=why):
        await desk.requests.restart("aa", uid=0)
    assert "aa" not in desk.store.names() or desk.store.names()["aa"].restart is None


async def test_whoever_asked_is_taken_down(desk):
    """Each request stands in its name's story with the uid it came from, a rollback with what it rejects."""
    desk.accept(1, "aa", "bb")
    await desk.requests.rollback("aa", uid=1000)
    await desk.requests.hold("aa", uid=0)
    told = {event["event"]: (event["uid"], event["hash"]) for event in desk.store.events("aa")}
    assert told == {"asked to roll back": (1000, "aa2"), "asked to hold": (0, "")}


async def test_everything_is_looked_at_anew(desk):
    """Whoever asks for a pass wants to see what has been changed by hand, and not what was known."""
    await desk.requests.reconcile(uid=0)
    assert desk.quiet.looked_anew
    assert desk.quiet.woken


async def test_nobody_can_be_asked_about_who_is_not_there(desk):
    """An unknown name is told apart from one that cannot be rolled back."""
    for ask in (desk.requests.rollback, desk.requests.retry, desk.requests.hold):
        with pytest.raises(KeyError):
            await ask("nobody", uid=0)
