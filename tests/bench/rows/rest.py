"""A daemon that has nothing to do: what it uses, and how soon it is ready again over a hundred running containers."""

import os
import time
from pathlib import Path

from tests.bench.contenders.ours import Ours
from tests.bench.figures import OURS, AtMost, Row
from tests.bench.fleet import fleet_of
from tests.bench.ground import Ground, say
from tests.bench.harness import alone
from tests.bench.rows.group import Book, Group

COUNT = 100
STARTS = 10
IDLE_SECONDS = 300
SHORT_IDLE_SECONDS = 60
PARTS = 5
TOUCHES = ("create", "start", "stop", "kill", "rename", "remove", "update")
TICKS = os.sysconf("SC_CLK_TCK")

READY = Row("ready", "daemon start → ready, 100 running", limits=(AtMost(1.0),))
TOUCHED = Row("ready-touched", "… containers touched", unit="containers", limits=(AtMost(0),))
CPU = Row("idle-cpu", "idle with 100 containers, of one core", unit="%", limits=(AtMost(0.5),))
RSS = Row("idle-memory", "… resident memory", unit="MB", limits=(AtMost(70),))
GROWTH = Row("idle-growth", "… growth of that, last fifth against first", unit="MB", limits=(AtMost(0.5),))


def measure(ground: Ground, book: Book) -> None:
    ours = Ours(ground)
    with alone(ours):
        ours.apply(fleet_of(COUNT))
        ours.settles()
        ids = ours.node.ids()
        for _ in range(ground.often(STARTS)):
            ours.node.stop()
            with ours.started() as taken:
                book.add("ready", OURS, *taken)
            ours.node.passes(2)
            calls = sum(ours.node.calls(verb) for verb in TOUCHES)
            moved = sum(1 for name, id_ in ours.node.ids().items() if ids.get(name) != id_)
            book.add("ready-touched", OURS, calls + moved)
        _idle(ours, SHORT_IDLE_SECONDS if ground.short else IDLE_SECONDS, book)


def _idle(ours: Ours, seconds: float, book: Book) -> None:
    """A daemon that has just begun and is left alone, but for the engine's own health."""
    ours.node.stop()
    with ours.started():
        pass
    time.sleep(10)
    say(f" idle for {seconds:.0f} s")
    sizes = [_resident(ours.node.pid)]
    for _ in range(PARTS):
        used = _processor_seconds(ours.node.pid)
        time.sleep(seconds / PARTS)
        book.add("idle-cpu", OURS, 100 * (_processor_seconds(ours.node.pid) - used) / (seconds / PARTS))
        sizes.append(_resident(ours.node.pid))
    book.add("idle-memory", OURS, *sizes)
    book.add("idle-growth", OURS, sizes[-1] - sizes[1])


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


GROUP = Group("rest", (READY, TOUCHED, CPU, RSS, GROWTH), measure)
