"""What a group of rows is: what it measures, and how. Figures are told to a `Book`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench.figures import Row
from tests.bench.ground import Ground, say


@dataclass
class Book:
    """Samples by row and contender."""

    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, row: str, contender: str, *samples: float) -> None:
        self.figures.setdefault(row, {}).setdefault(contender, []).extend(samples)
        say(f"  {row}, {contender}: {', '.join(f'{sample:.4g}' for sample in samples)}")

    def note(self, text: str) -> None:
        say(f"  {text}")
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True)
class Group:
    """*rows* are measured together by *measure*, because one preparation serves them all."""

    name: str
    rows: Sequence[Row]
    measure: Callable[[Ground, Book], None]
