"""Takes a story once uninjured, counts, and then takes it again for every point at which the daemon can be killed, or
for every two: the second in the daemon that took up after the first.

Each run is on a node of its own, with a container that is not ours and one of ours that has no part in the story.
"""

import itertools
import os
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.stories import Story
from tests.crash.victim import Point, Victim, victim_in
from tests.functional.engine_side import EngineSide, most_running_at_once
from tests.functional.node import service

AT_ONCE = int(os.environ.get("PAUNCHD_CRASH_JOBS", "4"))
QUIET_SECONDS = 1.0
NEIGHBOURS = ("other", "foreign")
Crash = tuple[Point, ...]


@dataclass
class Report:
    """How the points of one story went, or the pairs of them. *missed*: the run had no call or write of that number."""

    story: str
    points: int = 0
    calls: int = 0
    writes: int = 0
    missed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counted = f"{self.calls} calls, {self.writes} writes, {self.points} points taken"
        return f"{self.story}: {counted}, {len(self.missed)} not reached, {len(self.failures)} failed"


class Matrix:
    """All runs of a session on one engine; *base* is where each gets its directory."""

    def __init__(self, engine: EngineSide, base: Path) -> None:
        self._engine = engine
        self._base = base
        self._numbers = itertools.count()

    def take(self, story: Story, choose: Callable[[list[Point]], Iterable[Crash]]) -> Report:
        """Take what *choose* makes of all of *story*'s points: one or several kills, one after the other."""
        report = Report(story.name)
        report.calls, report.writes = self._count(story)
        chosen = list(choose(points_of(report.calls, report.writes)))
        report.points = len(chosen)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = pool.map(lambda crash: self._injure(story, crash), chosen)
            for crash, (reached, problem) in zip(chosen, outcomes, strict=True):
                told = ", then ".join(map(str, crash))
                if problem:
                    report.failures.append(f"=== {story.name}, {told}: {problem}")
                if not reached:
                    report.missed.append(told)
        return report

    def _count(self, story: Story) -> tuple[int, int]:
        """The calls that change something and the writes of an uninjured run, which must end well, too."""
        with self._node() as victim:
            prepare(victim, story)
            victim.count_from_here(None)
            story.begin(victim)
            check_the_end(victim, story)
            return len(victim.proxy.counted()), victim.counted_writes()

    def _injure(self, story: Story, crash: Crash) -> tuple[bool, str]:
        """Whether a daemon was killed at each point of *crash*, and what is wrong in the end."""
        with self._node() as victim:
            try:
                return kill_and_check(victim, story, crash), ""
            except Exception as error:  # noqa: BLE001 - whatever it is, the other points are taken
                told = "" if "--- the daemon's log" in str(error) else victim.report()
                return True, f"{type(error).__name__}: {error}{told}"

    def _node(self):
        owner = f"test-{uuid.uuid4().hex[:12]}"
        return victim_in(self._base / str(next(self._numbers)), self._engine, owner)


def points_of(calls: int, writes: int) -> list[Point]:
    counted = [("call", number + 1) for number in range(calls)] + [("write", number + 1) for number in range(writes)]
    return [Point(what, number, when) for what, number in counted for when in ("before", "after")]


def prepare(victim: Victim, story: Story) -> None:
    """Bring up what there was, and the two that nothing may happen to."""
    victim.proxy.counts = story.counts
    victim.make_foreign("foreign")
    victim.write("other", {"other": service()})
    first, *later = story.before or ({},)
    if first:
        victim.write("app", first)
    victim.start()
    victim.proves()
    for definitions in later:
        victim.write("app", definitions)
        victim.proves()
    victim.remember(*NEIGHBOURS, *first)
    if story.on_trial:
        victim.write("app", story.on_trial)
        victim.becomes("proving", *story.on_trial)


def kill_and_check(victim: Victim, story: Story, crash: Crash) -> bool:
    """Whether a daemon was killed at each point at all. Raises where anything is not as it must be."""
    prepare(victim, story)
    victim.count_from_here(crash[0])
    story.begin(victim)
    killed = was_killed(victim, story)
    for point in crash[1:]:
        if killed:
            victim.count_from_here(point)
            take_up(victim, story)
            killed = was_killed(victim, story)
    victim.be_safe()
    if victim.ended:
        take_up(victim, story)
    check_the_end(victim, story)
    return killed


def take_up(victim: Victim, story: Story) -> None:
    """Start the next daemon, which may be killed before it answers."""

    def begun() -> bool:
        try:
            return victim.answers()
        except AssertionError:
            return victim.ended

    victim.launch()
    victim.eventually(begun)
    if not victim.ended:
        story.after_start(victim)


def was_killed(victim: Victim, story: Story) -> bool:
    """Wait until the daemon is dead, or has long come to the end of *story*."""
    quiet_since = 0.0

    def over() -> bool:
        nonlocal quiet_since
        if victim.ended:
            return True
        end_reached(victim, story)
        quiet_since = quiet_since or time.monotonic()
        return time.monotonic() > quiet_since + QUIET_SECONDS

    victim.eventually(over)
    return victim.ended


def end_reached(victim: Victim, story: Story) -> bool:
    """I4 and the end that the story has: nothing is left to do, and nothing is left over."""
    assert victim.knows_the_directory(), "the directory has not been read yet"
    assert victim.states() == {**story.states, "other": "running"}
    there = {name for name in story.states if name != "refresh"}
    assert victim.ps().keys() == {*there, *NEIGHBOURS}
    assert victim.lanes() == []
    return True


def check_the_end(victim: Victim, story: Story) -> None:
    """Wait for the fixed point, see that it is one, and look at everything that must hold."""
    victim.eventually(lambda: end_reached(victim, story))
    ids = victim.ids()
    victim.passes(2)
    end_reached(victim, story)
    assert victim.ids() == ids, "this was no fixed point"
    story.check(victim)
    check_neighbours(victim)
    check_never_too_many(victim, story)
    if not story.removed:
        check_good_is_succeeded(victim)
    if story.kept:
        now = {name: victim.id(name) for name in victim.good}
        assert now == {name: one["id"] for name, one in victim.good.items()}, "the good container is another one"
        assert all(victim.running(name) for name in victim.good)


def check_neighbours(victim: Victim) -> None:
    """I3 and I6: who has no part in it keeps its id, and has not been started again."""
    for name in NEIGHBOURS:
        one = victim.good[name]
        assert (victim.id(name), victim.started_at(name)) == (one["id"], one["started"]), f"{name} was touched"


def check_never_too_many(victim: Victim, story: Story) -> None:
    """I2: of one name, no two containers have ever run at the same moment, but where the story is about that."""
    mine = [one for one in victim.story.told() if one.name.startswith(victim.prefix)]
    many = {name: most for name, most in most_running_at_once(mine).items() if most > story.at_once}
    assert not many, f"too many copies ran at once: {many}"


def check_good_is_succeeded(victim: Victim) -> None:
    """I1: the good container is never removed before another revision has been accepted in its place."""
    for name, one in victim.good.items():
        gone = [event.at for event in victim.happenings(name) if event.id == one["id"] and event.action == "destroy"]
        good = [(line["at"], line["good"].get(victim.full(name))) for line in victim.journal()]
        succeeded = [at for at, hash_ in good if hash_ not in (None, one["hash"])]
        assert not gone or any(at < gone[0] for at in succeeded), f"{name} was removed before it had a successor"
