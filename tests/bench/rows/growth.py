"""How a pass, a start and the memory grow with the number of names, on an engine in memory: no real one holds them."""

import json
import math
import statistics
import subprocess
import sys

from tests.bench.figures import OURS, AtMost, Row
from tests.bench.ground import ROOT, Ground, say
from tests.bench.rows.group import Book, Group
from tests.bench.table import quantity

COUNTS = (10, 30, 100, 300, 1000)
ROUNDS = 3
LINEAR = 1.1  # a tenth for what the measurement itself is off by
UNITS = {"pass": "s", "start": "s", "memory": "MB"}

ROWS = tuple(
    Row(f"growth-{what}", f"{text}, 100 → 1 000 names: exponent (1 is linear)", unit="", limits=(AtMost(LINEAR),))
    for what, text in (("pass", "a pass"), ("start", "start to first pass"), ("memory", "memory"))
)


def measure(ground: Ground, book: Book) -> None:
    told: dict[int, dict[str, list[float]]] = {count: {what: [] for what in UNITS} for count in COUNTS}
    for _ in range(ground.often(ROUNDS)):
        for count in COUNTS:
            for what, value in _run(ground, count).items():
                told[count][what].append(value)
    for what, unit in UNITS.items():
        middles = {count: statistics.median(told[count][what]) for count in COUNTS}
        line = ", ".join(f"{count}: {quantity(middle, unit)}" for count, middle in middles.items())
        book.note(f"Growth of {what} on an engine in memory, by names: {line}.")
        book.add(f"growth-{what}", OURS, math.log10(middles[1000] / middles[100]))


def _run(ground: Ground, count: int) -> dict[str, float]:
    words = [sys.executable, "-m", "tests.bench.growing", str(count), str(ground.place("growing"))]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    say(f"  {count} names: {found}")
    return found


GROUP = Group("growth", ROWS, measure)
