"""The daemon as its tests of clocks start it: the product unchanged, under a wall clock that jumps.

python clock.py FILE OPTIONS...    FILE holds the seconds by which the wall clock is wrong; without it, by none
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from paunchd.daemon import main

NANOSECONDS = 1_000_000_000


def jumping(clock: Callable[[], float], error: Path, unit: int) -> Callable[[], float]:
    def now() -> float:
        return clock() + (int(error.read_text()) * unit if error.exists() else 0)

    return now


if __name__ == "__main__":
    place = Path(sys.argv[1])
    time.time = jumping(time.time, place, 1)
    time.time_ns = jumping(time.time_ns, place, NANOSECONDS)
    main(sys.argv[2:])
