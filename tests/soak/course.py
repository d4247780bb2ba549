"""The course of a soak: all is brought up, then faults and quiet take turns, and the daemon is killed at both ends.

Most of it is one life of the daemon, for only within a life can be seen what grows.
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from paunchd.reconcile.model import Result
from paunchd.store import EVENTS_KEPT, Store
from paunchd.store_records import REVISIONS_KEPT, Event, Rejection
from tests.functional.engine_side import EngineSide
from tests.functional.faults import EACH, Fault, What
from tests.functional.node import Node
from tests.functional.proxy import Proxy
from tests.soak.beside import Beside
from tests.soak.faults import Play
from tests.soak.figures import Sample
from tests.soak.fleet import Fleet, Turn
from tests.soak.quiet import Judge

FAULTS_SECONDS = 90.0
BURST_SECONDS = 10.0
SAMPLE_SECONDS = 10.0
CALMING = 0.3
SETTINGS = {
    "engine__call_timeout_seconds": 15,
    "reconcile__resync_seconds": 5,
    "rollout__min_healthy_seconds": 0.5,
    "rollout__healthy_deadline_seconds": 60,
    "rollout__probation_seconds": 3,
    "log__level": "info",
}


@dataclass(frozen=True)
class Wish:
    minutes: float
    size: int
    seed: int

    @property
    def faults_seconds(self) -> float:
        """How long faults go on before there is quiet."""
        return min(FAULTS_SECONDS, self.minutes * 60 / 3)


@dataclass(frozen=True)
class Outcome:
    wish: Wish
    seconds: float
    samples: list[Sample]
    control: dict[float, float]
    answers: Counter[int]
    played: Counter[str]
    rests: list[float]
    violations: list[str]
    log: str


def soak(engine: EngineSide, owner: str, wish: Wish) -> Outcome:
    """Take the whole course on *engine*; nothing is left of it."""
    began = time.monotonic()
    with _playing(engine, owner, wish) as play:
        node = play.node
        beside = Beside(node, min(SAMPLE_SECONDS, wish.minutes * 6))
        names = [node.full(one.name) for one in play.fleet.members()]
        judge = Judge(play)
        with beside.running(names, [one.config_id for one in play.fleet.configs]):
            try:
                _take(play, judge, wish)
            except (OSError, AssertionError, KeyboardInterrupt) as error:  # what was measured is told all the same
                judge.violations.append(f"the soak ended early: {error!r}")
        if defects := beside.answers[500]:
            judge.violations.append(f"the API answered 500, {defects} times")
        return Outcome(
            wish=wish,
            seconds=time.monotonic() - began,
            samples=beside.samples,
            control=beside.control(),
            answers=beside.answers,
            played=play.played,
            rests=judge.rests,
            violations=judge.violations,
            log=node.log_file.read_text(errors="replace"),
        )


@contextmanager
def _playing(engine: EngineSide, owner: str, wish: Wish) -> Iterator[Play]:
    """A node whose daemon runs, with everything declared and a store that has been in use for long."""
    with tempfile.TemporaryDirectory(prefix="paunchd-soak-") as name:
        directory = Path(name)
        with (
            Proxy(engine.socket_path, directory / "engine.sock") as proxy,
            closing(Node(directory, engine, owner, engine__url=f"unix://{proxy.path}", **SETTINGS)) as node,
        ):
            fleet = Fleet(node, wish.size)
            node.state_dir.mkdir(mode=0o700)
            fill(node.state_dir / "state.db", [node.full(one.name) for one in fleet.members()])
            for config in fleet.configs:
                fleet.write(config)
            node.start()
            yield Play(node, proxy, fleet, random.Random(wish.seed))


def fill(path: Path, names: list[str]) -> None:
    """Fill the store with as much of *names* as it ever keeps, so that whatever grows from now on is no memory."""
    with closing(Store(path)) as store:
        for name in names:
            for number in range(EVENTS_KEPT):
                store.conclude(
                    store.tell(Event(name, "config-changed", f"v1:{number:064}", "stub", "environment")), "done"
                )
            for number in range(REVISIONS_KEPT):
                store.reject(name, Rejection(f"v1:{number:064}", "exited with code 3", {"logs": "", "plan": "x" * 500}))
                store.finish(name, f"v1:{number:064}", Result(succeeded=True, exit_code=0), "done\n")


def _take(play: Play, judge: Judge, wish: Wish) -> None:
    judge.look()
    _be_busy(play, min(BURST_SECONDS, wish.faults_seconds / 2))
    began = time.monotonic()
    cycle = 0
    while (left := wish.minutes * 60 - (time.monotonic() - began)) > 0:
        cycle += 1
        ends = cycle == 1 or left <= wish.faults_seconds
        _let_things_go_wrong(play, min(left, wish.faults_seconds))
        if ends:
            _kill(play, judge)
        play.calm()
        play.fleet.settle_doubts()
        judge.look()
        print(f"  {_clock(began)} quiet for the {cycle}. time, {play.played.total()} faults", flush=True)


def _clock(began: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - began), 60)
    return f"{minutes:3d}:{seconds:02d}"


def _be_busy(play: Play, seconds: float) -> None:
    """Have every thread there may be: more stops hang than there are threads for them."""
    play.proxy.arm(Fault(EACH, What.HANG, on="/stop$"))
    for config in play.fleet.configs:
        for unit in config.units:
            play.fleet.change(config, unit, Turn.GOOD)
    time.sleep(seconds)
    play.calm()


def _let_things_go_wrong(play: Play, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        play.random()
        time.sleep(play.dice.uniform(0.1, 1.0))
        if play.dice.random() < CALMING:
            play.calm()


def _kill(play: Play, judge: Judge) -> None:
    """End the daemon as a crash does, in the midst of it all, and start the next."""
    play.node.kill9()
    judge.killed()
    play.node.start()
    play.played["daemon killed"] += 1
