import random
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from paunchd.errors import EngineUnavailable, NotFound, Rejected
from paunchd.metrics import Metrics
from paunchd.reconcile.execute import Broke, CutShort, Done
from paunchd.reconcile.model import (
    Accept,
    Create,
    Lane,
    Pull,
    Reason,
    RecordTask,
    Reject,
    Result,
    RunExec,
    Start,
    Update,
)
from paunchd.reconcile.record import LONGEST_SECONDS, RESET_AFTER_SECONDS, Recorder
from paunchd.spec import Limits
from paunchd.store import Store
from tests.unit.places import spec

PULL = Pull("stub:1")
CREATE = Create("web.next", "web", "node", "v1:a", spec())
LANE = Lane("web", Reason("new"), (PULL, CREATE, Start("web")), "v1:a")
REPAIR = Lane("web", Reason("exited", "code 1"), (Start("web"),), "v1:a", repair=True)
FAILURE = NotFound("cannot pull image stub:1: not in the registry")


class Longest(random.Random):
    """Draws the longest pause there is, so that a test sees the bound."""

    def uniform(self, a, b):
        return b


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Desk:
    """A recorder with what it writes to."""

    def __init__(self, store, rng):
        self.store, self.clock = store, Clock()
        self.metrics = Metrics(CollectorRegistry())
        self.recorder = Recorder(store, self.metrics, self.clock, rng)

    async def tells(self, lane, outcome, rank=None):
        await self.recorder.began(lane, rank)
        await self.recorder.ended(lane, outcome)

    async def breaks(self, lane=LANE, error=FAILURE, *, refused=False):
        await self.tells(lane, Broke(lane.steps[0], error, refused))

    @property
    def attempt(self):
        return self.recorder.attempts.get("web")

    @property
    def pause(self):
        return self.attempt.next_at - self.clock.now

    @property
    def story(self):
        return [(event["event"], event["outcome"], event["detail"]) for event in self.store.events("web")]

    def counted(self, line):
        return line in self.metrics.text().decode()


@pytest.fixture
def desk(tmp_path):
    with closing(Store(tmp_path / "state.db")) as store:
        yield Desk(store, Longest())


UPDATE = Lane("web", Reason("updated"), (Update("web", limits=Limits(memory=4096)),), "v1:a")


async def test_a_value_that_is_refused_is_remembered_apart(desk):
    """It has pauses of its own, so a container that does not stay up is not taken for one that does."""
    await desk.tells(REPAIR, Done())
    await desk.breaks(UPDATE, Rejected("too little"), refused=True)
    await desk.breaks(UPDATE, Rejected("too little"), refused=True)
    await desk.tells(REPAIR, Done())
    assert desk.attempt.failures == 2
    tried = desk.recorder.updates["web"]
    assert (tried.hash, tried.failures, tried.refused, tried.error) == ("memory=4096", 2, True, "too little")
    desk.recorder.forget("web")
    assert not desk.recorder.updates


async def test_a_value_the_engine_does_not_keep_is_not_set_without_end(desk):
    """An engine without swap accounting drops a limit again; setting it is put off like a repair."""
    await desk.tells(UPDATE, Done())
    await desk.tells(UPDATE, Done())
    tried = desk.recorder.updates["web"]
    assert (tried.failures, tried.error) == (2, "was set, and is not there any more")


async def test_pauses_double_from_one_second_to_a_minute(desk):
    """Whatever keeps failing is tried again later and later, and never given up (T-008, T-068)."""
    pauses = []
    for _ in range(9):
        await desk.breaks()
        pauses.append(desk.pause)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert desk.attempt.failures == 9


@given(seed=st.integers(), failures=st.integers(1, 2000))
@settings(max_examples=50, deadline=None)
def test_a_pause_is_drawn_from_the_whole_of_its_range(seed, failures):
    """Full jitter: no pause is negative or longer than its bound, whatever the draw and however often it failed."""
    recorder = Recorder(None, None, lambda: 1000.0, random.Random(seed))
    for number in range(1, failures + 1):
        recorder._put_off(LANE, "error", refused=False)
        longest = min(LONGEST_SECONDS, 2.0 ** min(number - 1, 10))
        assert 1000.0 <= recorder.attempts["web"].next_at <= 1000.0 + longest


async def test_pauses_start_again_after_ten_quiet_minutes(desk):
    """A container that fails once a day waits a second each time, not a minute."""
    for _ in range(5):
        await desk.breaks(REPAIR)
    desk.clock.now += RESET_AFTER_SECONDS
    await desk.breaks(REPAIR)
    assert (desk.pause, desk.attempt.failures) == (1, 1)


async def test_another_revision_waits_for_nothing_that_came_before(desk):
    """A corrected definition is not made to pay for the one it corrects."""
    for _ in range(5):
        await desk.breaks()
    await desk.breaks(Lane("web", Reason("config-changed"), (PULL,), "v1:b"))
    assert (desk.pause, desk.attempt.hash) == (1, "v1:b")


async def test_a_refusal_is_told_from_a_mishap(desk):
    """What the engine refuses is remembered as refused, with its words; what merely failed is not."""
    await desk.breaks(error=Rejected("cannot create web.next: invalid"), refused=True)
    assert desk.attempt.refused
    assert desk.attempt.error == "cannot create web.next: invalid"
    await desk.breaks(error=EngineUnavailable("cannot create web.next: 500"))
    assert not desk.attempt.refused


async def test_a_success_ends_the_pauses(desk):
    """Once a lane has worked the next one may begin at once."""
    await desk.breaks()
    await desk.tells(LANE, Done())
    assert desk.attempt is None


async def test_a_repair_that_worked_is_not_repeated_at_once(desk):
    """A container that starts and ends, starts and ends, is started with growing pauses although each start works."""
    await desk.tells(REPAIR, Done())
    await desk.tells(REPAIR, Done())
    assert (desk.pause, desk.attempt.failures) == (2, 2)
    assert "exited (code 1)" in desk.attempt.error


async def test_a_lane_cut_short_is_nobodys_failure(desk):
    """That the desired state changed puts nothing off, and forgets no earlier failure."""
    await desk.tells(LANE, CutShort(CREATE))
    assert desk.attempt is None
    await desk.breaks()
    await desk.tells(LANE, CutShort(CREATE))
    assert desk.attempt.failures == 1


async def test_a_defect_of_ours_is_put_off_like_any_failure(desk):
    """A lane that crashed is not tried in a tight loop, and people are told where to look."""
    await desk.recorder.began(LANE, None)
    desk.recorder.crashed(LANE)
    desk.recorder.crashed(LANE)
    assert desk.pause == 2
    assert "daemon's log" in desk.attempt.error


@pytest.mark.parametrize("succeeded", [True, False])
async def test_a_failed_run_of_a_task_is_put_off_and_a_good_one_is_not(desk, succeeded):
    """Recording a failure works, and still the next attempt has to wait (T-110)."""
    code = 0 if succeeded else 5
    await desk.tells(Lane("web", Reason("ended"), (RecordTask("web", "web", "v1:a", code, succeeded),), "v1:a"), Done())
    assert (desk.attempt is None) == succeeded
    assert succeeded or desk.attempt.error == "exit code 5"
    assert desk.story[0][:2] == (("succeeded" if succeeded else "failed"), "done")


async def test_a_failed_exec_is_put_off_under_its_key(desk):
    """How an exec ended is in the store, from where the pause learns of it."""
    key = "v1:a@v1:target"
    desk.store.finish("web", key, Result(succeeded=False, exit_code=9), "why")
    await desk.tells(Lane("web", Reason("new"), (RunExec("web", "target", "id", key, spec()),), key), Done())
    assert (desk.attempt.error, desk.attempt.hash) == ("exit code 9", key)


async def test_a_story_says_what_was_begun_and_how_it_went(desk):
    """One line a lane: its reason, its outcome and where it stopped."""
    await desk.tells(LANE, Done(0.2))
    await desk.breaks()
    await desk.tells(LANE, CutShort(CREATE))
    await desk.tells(Lane("web", Reason("verdict"), (Accept("web", "v1:a", None),), "v1:a"), Done())
    bad = Reject("web", "v1:a", "exited", "exited with code 3", "web")
    await desk.tells(Lane("web", Reason("verdict"), (bad,), "v1:a"), Done())
    assert desk.story == [
        ("rejected", "done", "exited with code 3"),
        ("accepted", "done", ""),
        ("new", "cut short", "the desired state changed before: create web.next from stub:1"),
        ("new", "broke", f"pull stub:1 unless present: {FAILURE}"),
        ("new", "done", ""),
    ]


async def test_an_error_is_kept_after_everything_is_well_again(desk):
    """The last error is sticky, so a person who comes late still sees what happened."""
    await desk.breaks()
    await desk.tells(LANE, Done())
    assert desk.store.names()["web"].last_error == str(FAILURE)


async def test_a_name_is_known_before_anything_is_made_for_it(desk):
    """With its step and start order, so that it is taken down in reverse one day."""
    await desk.recorder.began(LANE, (3, 2))
    past = desk.store.names()["web"]
    assert (past.known, past.rank) == (True, (3, 2))


async def test_what_happened_is_counted(desk):
    """Rollouts, rollbacks, lanes and downtime are metrics with labels from closed sets."""
    await desk.tells(LANE, Done(0.2))
    bad = Reject("web", "v1:a", "oom", "killed", "web")
    await desk.tells(Lane("web", Reason("verdict"), (bad,), "v1:a"), Done())
    await desk.breaks()
    assert desk.counted('paunchd_rollouts_total{reason="new"} 2.0')
    assert desk.counted('paunchd_rollbacks_total{reason="oom"} 1.0')
    assert desk.counted('paunchd_lanes_total{outcome="done",reason="new"} 1.0')
    assert desk.counted('paunchd_lanes_total{outcome="broke",reason="new"} 1.0')
    assert desk.counted("paunchd_switch_downtime_seconds_sum 0.2")


async def test_a_rollback_by_hand_counts_as_one_and_tries_at_once(desk):
    """A person's word is a rejection as well, and what failed before it says nothing of the revision gone back to."""
    await desk.breaks()
    desk.recorder.rolled_back("web")
    assert desk.attempt is None
    assert desk.counted('paunchd_rollbacks_total{reason="by-hand"} 1.0')


async def test_a_story_that_cannot_be_written_loses_nothing_else(desk):
    """A store that refuses in the middle of a lane costs its line in the story, and its pause is kept all the same."""
    await desk.recorder.began(LANE, None)
    desk.store._connection.execute("PRAGMA query_only=1")
    await desk.recorder.ended(LANE, Broke(PULL, FAILURE, refused=False))
    assert desk.attempt.failures == 1
