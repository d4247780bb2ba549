"""``python -m tests.bench [--short] [GROUP]...``: measure, and leave a table, a drawing and the figures under build/.

Without groups, everything and from nothing; with some, only their figures are taken anew.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Row
from tests.bench.ground import ROOT, Ground, about, say, standing
from tests.bench.plot import plot
from tests.bench.rows import fleet, growth, rest, role, sizes, trial
from tests.bench.rows.group import Book, Group
from tests.bench.table import table

GROUPS = (fleet.GROUP, sizes.GROUP, role.GROUP, trial.GROUP, rest.GROUP, growth.GROUP)
PLACE = ROOT / "build" / "bench"


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a third of the repetitions")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(one.name for one in GROUPS))
    options = parser.parse_args(words)
    known = {one.name: one for one in GROUPS}
    unknown = [name for name in options.groups if name not in known]
    if unknown:
        parser.error(f"there is no group {', '.join(unknown)}; there are {', '.join(known)}")
    groups = [known[name] for name in options.groups] or list(GROUPS)
    PLACE.mkdir(parents=True, exist_ok=True)
    kept = PLACE / "figures.json"
    told = json.loads(kept.read_text()) if options.groups and kept.exists() else {}
    with (
        tempfile.TemporaryDirectory(prefix="paunchd-bench-") as directory,
        standing(Path(directory), short=options.short) as ground,
    ):
        for group in groups:
            told[group.name] = _measured(ground, group)
            kept.write_text(json.dumps(told, indent=1))
        report(told, about(ground))
    return 0


def _measured(ground: Ground, group: Group) -> dict[str, object]:
    say(f"{group.name}: {', '.join(row.title for row in group.rows)}")
    began = time.monotonic()
    book = Book()
    group.measure(ground, book)
    say(f"{group.name} took {time.monotonic() - began:.0f} s")
    return {"figures": book.figures, "notes": book.notes}


def report(told: dict[str, dict], machine: dict[str, str]) -> None:
    """Write and print what is known by now."""
    rows: list[Row] = [row for group in GROUPS for row in group.rows]
    figures = {key: one for group in told.values() for key, one in group["figures"].items()}
    notes = [note for group in told.values() for note in group["notes"]]
    lines = [f"- {what}: {said}" for what, said in machine.items()]
    text = "\n".join([table(rows, figures), *(f"- {note}" for note in notes), "", *lines, ""])
    (PLACE / "table.md").write_text(text)
    (PLACE / "plot.svg").write_text(plot(rows, figures))
    print(
        f"\n{text}\nin {PLACE.relative_to(Path.cwd()) if PLACE.is_relative_to(Path.cwd()) else PLACE}: "
        "table.md, plot.svg, figures.json"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
