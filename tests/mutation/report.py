"""What ``mutmut run`` left: a table by file, and each mutant that no test noticed.

A survivor is argued away in ``argued.toml`` by its function and the lines it changes, so that its reason outlives other
changes to the file. The exit code is 1 while a survivor has no reason, or a reason no survivor.
"""

import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from rich.console import Console
from rich.table import Table

ARGUED = Path(__file__).with_name("argued.toml")
KILLED = {"killed": "by tests", "timeout": "by tests", "segfault": "by tests", "caught by type check": "by types"}


@dataclass(frozen=True)
class Mutant:
    """*lines*: what it takes out and puts in, as a diff without its context."""

    name: str
    fate: str
    lines: tuple[str, ...]

    @property
    def function(self) -> str:
        return self.name.partition("__mutmut_")[0].removeprefix("paunchd.reconcile.").replace(".x_", ".")

    def __str__(self) -> str:
        return "\n".join([f"{self.name}  {self.fate}", *(f"    {line}" for line in self.lines)])


def changed_lines(name: str, path: Path) -> tuple[str, ...]:
    diff = get_diff_for_mutant(name, path=path).splitlines()
    return tuple(f"{line[0]} {line[1:].strip()}" for line in diff[2:] if line[0] in "-+")


def argued() -> dict[tuple[str, tuple[str, ...]], str]:
    listed = tomllib.loads(ARGUED.read_text())["argued"]
    return {(one["function"], tuple(one["lines"].strip().splitlines())): one["why"] for one in listed}


def main() -> int:
    reasons = argued()
    unused = set(reasons)
    table = Table("file", "mutants", "by types", "by tests", "argued away", "survived")
    total: Counter[str] = Counter()
    survivors: list[Mutant] = []
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        counts: Counter[str] = Counter()
        for name, code in data.exit_code_by_key.items():
            fate = KILLED.get(status_by_exit_code[code])
            if fate is None:
                mutant = Mutant(name, status_by_exit_code[code], changed_lines(name, path))
                key = mutant.function, mutant.lines
                fate = "argued away" if key in reasons else "survived"
                unused.discard(key)
                survivors += [mutant] if fate == "survived" else []
            counts[fate] += 1
        if counts:
            total += counts
            table.add_row(path.name, *figures(counts))
    table.add_section()
    table.add_row("all", *figures(total))
    for survivor in survivors:
        print(survivor)
    for function, lines in sorted(unused):
        print(f"argued away, and no survivor: {function}: {' '.join(lines)}")
    Console().print(table)
    return 1 if survivors or unused or not total else 0


def figures(counts: Counter[str]) -> list[str]:
    return [str(counts.total()), *(str(counts[fate]) for fate in ("by types", "by tests", "argued away", "survived"))]


if __name__ == "__main__":
    sys.exit(main())
