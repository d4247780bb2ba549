"""The strategies that draw a history: a node with something on it, and then one thing after the other."""

from hypothesis import strategies as st

from tests.histories.actions import (
    Ask,
    ByHand,
    ClockJumps,
    Declare,
    DirectoryGone,
    DiskFull,
    EngineAway,
    EngineRestarts,
    EngineTrouble,
    File,
    Foreign,
    Kill,
    Moment,
    Restart,
    Withdraw,
)
from tests.histories.faults import Strike, Trouble
from tests.histories.revisions import CONTAINERS, EXEC, EXECS, ILL, TASK, TASKS, WAYS, WELL, Definition, Revision

SLOTS = ("", ".next", ".prev")
FILES = ("one", "two", "three")
BUSY = ("create", "start", "stop", "remove", "rename", "update", "list", "inspect", "pull", "logs", "run_exec")
REFUSABLE = ("create", "start", "remove", "rename", "update")

numbers = st.integers(1, 2)
seconds = st.sampled_from([0.3, 4.0, 45.0])
waits = st.sampled_from([0.0, 0.11, 0.5, 1.5, 3.0, 8.0, 15.0, 40.0])


def revisions(kinds):
    return st.builds(Revision, st.sampled_from(kinds), numbers)


definitions = st.one_of(
    st.builds(Definition, st.sampled_from(CONTAINERS), revisions(WELL), st.sampled_from(WAYS)),
    st.builds(Definition, st.sampled_from(CONTAINERS), revisions((*WELL, *ILL)), st.sampled_from(WAYS)),
    st.builds(Definition, st.just(TASK), revisions(TASKS)),
    st.builds(Definition, st.just(EXEC), revisions(EXECS)),
)
declaring = st.builds(Declare, definitions)
directory = st.one_of(
    st.builds(Withdraw, st.sampled_from((*CONTAINERS, TASK, EXEC))),
    st.builds(File, st.sampled_from(["broken", "mended", "deleted"]), st.sampled_from(FILES)),
    st.builds(DirectoryGone, seconds),
)
engine = st.one_of(
    st.builds(
        EngineTrouble,
        st.builds(
            Trouble, st.sampled_from(BUSY), st.sampled_from(["error", "hang", "lost", "slow"]), st.integers(0, 3)
        ),
    ),
    st.builds(EngineTrouble, st.builds(Trouble, st.sampled_from(REFUSABLE), st.just("conflict"), st.integers(0, 3))),
    st.builds(EngineAway, seconds),
    st.just(EngineRestarts()),
)
gone = st.sampled_from([0.0, 0.0, 3.0, 25.0])
killing = st.builds(
    Kill,
    st.builds(
        Strike, st.sampled_from(["change", "write"]), st.integers(1, 8), st.sampled_from(["before", "after"]), gone
    ),
)
daemon = st.one_of(
    killing,
    killing,
    st.builds(Restart, gone),
    st.builds(Restart, gone, st.just(True)),
    st.builds(DiskFull, seconds),
    st.builds(ClockJumps, st.sampled_from([-3600.0, 3600.0])),
)
people = st.one_of(
    st.builds(
        ByHand,
        st.sampled_from(["stop", "kill", "rm", "rename", "pause"]),
        st.sampled_from((*CONTAINERS, TASK)),
        st.sampled_from(SLOTS),
    ),
    st.builds(Foreign, st.builds(str.__add__, st.sampled_from((*CONTAINERS, TASK)), st.sampled_from(SLOTS))),
    st.builds(
        Ask,
        st.sampled_from(["hold", "release", "retry", "rollback", "restart", "reconcile"]),
        st.sampled_from(CONTAINERS),
    ),
)


@st.composite
def histories(draw):
    """A node with something on it, then changes of the directory among whatever goes wrong meanwhile."""
    before = draw(st.lists(st.builds(Moment, st.just(0.0), declaring), max_size=4))
    action = st.one_of(declaring, declaring, declaring, directory, engine, daemon, people)
    return before + draw(st.lists(st.builds(Moment, waits, action), min_size=1, max_size=12))
