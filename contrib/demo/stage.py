"""What the audience sees, and the list of what was checked.

On a terminal a live table; anywhere else plain lines without control codes. Never looks at anything itself.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from paunchd.cli_tables import state_text

_PLAIN_WIDTH = 140


@dataclass(frozen=True)
class Row:
    """One declared name as the daemon tells it; *container* is the short id the engine gives it."""

    step: str
    name: str
    state: str
    image: str
    container: str
    why: str


@dataclass(frozen=True)
class Check:
    """One thing that was looked at in the engine itself."""

    act: str
    sentence: str
    passed: bool
    found: str


Show = Callable[[Sequence[Row], str], None]


class Stage:
    """Prints, and remembers every check."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self._act = "before"
        self._began = time.monotonic()
        self._changes = _Changes(self.say)
        self._lively = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        sys.stdout.reconfigure(errors="replace")
        options: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False}
        if not self._lively:
            options |= {"force_terminal": False, "color_system": None, "width": _PLAIN_WIDTH}
        self._console = Console(**options)

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def act(self, title: str, story: str) -> None:
        self._act = title.partition(":")[0]
        self._changes.restart()
        self._print(Text(""))
        self._print(Rule(Text(title, style="bold"), align="left") if self._lively else Text(f"== {title} =="))
        self._print(Text(story, style="dim"))

    def say(self, words: str, style: str = "") -> None:
        self._print(Text(words, style=style))

    def show(self, title: str, lines: Sequence[str]) -> None:
        """Lines to be copied, so none is broken."""
        self._print(Text(f"\n{title}", style="bold"))
        for line in lines:
            self._print(Text(f"  {line}", style="cyan"))

    def change(self, diff: Sequence[str]) -> None:
        """Show what was written into the desired directory."""
        for line in diff:
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
            self._print(Text(f"    {line}", style=style))

    def figure(self, what: str, value: str) -> None:
        self._print(Text("  → ").append(f"{what}: ").append(value, style="bold cyan"))

    def check(self, sentence: str, passed: bool, found: str = "") -> None:  # noqa: FBT001 - the verdict
        self.checks.append(Check(self._act, sentence, passed, found))
        mark = Text("  ✓ " if passed else "  ✗ ", style="bold green" if passed else "bold red")
        self._print(mark.append(sentence, style="not bold").append(f"  {found}" if found else "", style="dim"))

    def summary(self) -> None:
        self._act = "end"
        table = Table(title="What was checked, in the engine itself", title_justify="left", box=None, pad_edge=False)
        for column in ("", "ACT", "CHECK", "FOUND"):
            table.add_column(column, overflow="fold")
        for one in self.checks:
            mark = Text("✓", style="green") if one.passed else Text("✗", style="bold red")
            table.add_row(mark, one.act, one.sentence, Text(one.found, style="dim"))
        failed = sum(not check.passed for check in self.checks)
        verdict = f"{failed} of {len(self.checks)} checks FAILED" if failed else f"all {len(self.checks)} checks passed"
        self._print(Text(""))
        self._print(table)
        took = time.monotonic() - self._began
        self._print(Text(f"\n{verdict}; {took:.0f} s in all", style="bold red" if failed else "bold green"))

    @contextmanager
    def watching(self, *, leave: bool = True) -> Iterator[Show]:
        """Hand out what is to be called with the newest rows and a footnote, as often as one likes.

        *leave*: the last table stays.
        """
        if not self._lively:
            yield self._changes
            return
        with Live(console=self._console, refresh_per_second=10, transient=not leave) as live:
            yield lambda rows, note: live.update(_page(rows, note))

    def _print(self, what: RenderableType) -> None:
        try:
            self._console.print(what, soft_wrap=isinstance(what, Text))
        except BrokenPipeError:
            # The audience has left (`make demo | head`); everything still has to be cleaned up.
            self._console.file = open(os.devnull, "w")  # noqa: SIM115, PTH123 - lives as long as the process


class _Changes:
    """The live table of those who have no terminal: one line for each change of a state."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._before: dict[str, str] = {}
        self.restart()

    def restart(self) -> None:
        """Let time begin again; what was told before is not told again."""
        self._began = time.monotonic()

    def __call__(self, rows: Sequence[Row], _note: str) -> None:
        for row in rows:
            if self._before.get(row.name) == row.state:
                continue
            self._before[row.name] = row.state
            passed = time.monotonic() - self._began
            why = f"  ({row.why})" if row.why else ""
            self._say(f"  {passed:5.1f} s  step {row.step}  {row.name:<16} {row.state:<11} {row.container:<12}{why}")


def _page(rows: Sequence[Row], note: str) -> Group:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), expand=True)
    for column in ("STEP", "NAME", "STATE", "IMAGE", "CONTAINER"):
        table.add_column(column, no_wrap=True)
    table.add_column("WHY", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        state = state_text(row.state)
        table.add_row(row.step, row.name, state, row.image, Text(row.container, style="magenta"), row.why)
    return Group(table, Text(note, style="dim"))
