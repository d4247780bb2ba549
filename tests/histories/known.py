"""Histories that everybody would think of first, so that they are taken every time, before any that is drawn."""

from tests.histories.actions import (
    Ask,
    ByHand,
    Declare,
    DirectoryGone,
    EngineRestarts,
    EngineTrouble,
    File,
    Foreign,
    Kill,
    Moment,
    Restart,
)
from tests.histories.faults import Strike, Trouble
from tests.histories.revisions import Definition, Revision

LONG = 40.0  # until all is proven


def says(after: float, name: str, kind: str, number: int = 1, way: str = "") -> Moment:
    return Moment(after, Declare(Definition(name, Revision(kind, number), way)))


HISTORIES = {
    "a replacement": [says(0, "aa", "good"), says(LONG, "aa", "good", 2), says(LONG, "aa", "tested")],
    "one that fails at once": [says(0, "aa", "good"), says(LONG, "aa", "exits"), says(LONG, "aa", "refused")],
    "one that fails late, with two crashes": [
        says(0, "aa", "tested"),
        says(LONG, "aa", "sick late"),
        Moment(0, Kill(Strike("change", 4, "after"))),
        Moment(0, Kill(Strike("write", 2, "before"))),
    ],
    "a first one that is overtaken before it is proven, by what cannot be had": [
        says(0, "aa", "good"),
        says(0.5, "aa", "no image"),
    ],
    "a task that somebody pauses": [
        says(0, "tt", "task"),
        Moment(0.5, ByHand("pause", "tt", "")),
    ],
    "start-first": [
        says(0, "bb", "good", 1, "start-first"),
        says(LONG, "bb", "deaf", 1, "start-first"),
        says(LONG, "bb", "tested", 2, "start-first"),
    ],
    "an engine that restarts in probation": [
        says(0, "aa", "good"),
        says(LONG, "aa", "good", 2),
        Moment(5, EngineRestarts()),
    ],
    "names that are taken": [
        Moment(0, Foreign("aa")),
        says(0, "aa", "good"),
        says(0, "bb", "good"),
        says(LONG, "bb", "good", 2),
        Moment(0.5, Foreign("bb.next")),
        Moment(3, ByHand("rename", "bb", "")),
    ],
    "an engine that answers 500": [
        says(0, "aa", "good"),
        says(LONG, "aa", "good", 2),
        Moment(0, EngineTrouble(Trouble("create", "error"))),
        Moment(0, EngineTrouble(Trouble("start", "error"))),
        Moment(0, EngineTrouble(Trouble("rename", "lost"))),
    ],
    "a broken file over a restart, then no directory": [
        says(0, "aa", "good"),
        Moment(LONG, File("broken", "one")),
        Moment(3, Restart()),
        Moment(3, ByHand("kill", "aa", "")),
        Moment(15, DirectoryGone(15)),
        says(LONG, "cc", "good"),
    ],
    "a store that is lost in the gate": [
        says(0, "aa", "good"),
        says(LONG, "aa", "deaf"),
        Moment(5, Restart(without_store=True)),
    ],
    "a task and an exec": [
        says(0, "tt", "task"),
        says(0, "xx", "exec"),
        says(0, "aa", "good"),
        says(LONG, "tt", "failing task"),
        says(LONG, "tt", "task"),
        says(LONG, "tt", "task", 2),
        says(LONG, "tt", "task"),
        Moment(8, Restart()),
    ],
    "a group of which one fails": [
        says(0, "aa", "good", 1, "group"),
        says(0, "bb", "good", 1, "group"),
        says(LONG, "aa", "good", 2, "group"),
        says(0, "bb", "sick late", 1, "group"),
        says(LONG, "bb", "tested", 1, "group"),
        says(0, "aa", "tested", 1, "group"),
    ],
    "people at work": [
        says(0, "aa", "good"),
        says(0, "bb", "good"),
        says(LONG, "aa", "deaf"),
        Moment(3, ByHand("rm", "aa", ".prev")),
        Moment(LONG, ByHand("stop", "bb", "")),
        says(LONG, "bb", "good", 2),
        Moment(3, ByHand("rename", "bb", "")),
        *(Moment(LONG, Ask(what, "bb")) for what in ("hold", "release", "restart", "rollback", "retry", "reconcile")),
    ],
}
