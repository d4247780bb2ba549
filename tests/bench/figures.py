"""What is measured and how good it must be. Pure: nothing here measures."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OURS = "paunchd"
ENGINE = "engine"
COMPOSE = "compose"
PAUNCH = "paunch"
RESTART = "restart"  # the engine's stop and start of one container
TITLES = {
    OURS: "paunchd",
    ENGINE: "the bare engine",
    COMPOSE: "Compose",
    PAUNCH: "paunch",
    RESTART: "a bare stop + start",
}

Figures = Mapping[str, Sequence[float]]
"""Samples of one row by contender."""


@dataclass(frozen=True)
class AtMost:
    """An absolute limit, in the row's unit."""

    value: float


@dataclass(frozen=True)
class Beside:
    """At most *times* what *other* takes, and *plus* that many units."""

    other: str
    times: float
    plus: float = 0.0


Limit = AtMost | Beside


@dataclass(frozen=True)
class Row:
    """One kind of work. *unit*: ``s`` (samples in seconds), or what the samples are in."""

    key: str
    title: str
    unit: str = "s"
    limits: tuple[Limit, ...] = ()


def middle(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def ratio(figures: Figures, other: str) -> float | None:
    """How many times what *other* takes ours takes; nothing where one of them has no figure."""
    if not figures.get(OURS) or not figures.get(other) or not middle(figures[other]):
        return None
    return middle(figures[OURS]) / middle(figures[other])


def is_met(limit: Limit, figures: Figures) -> bool | None:
    """Whether ours keeps *limit*, by the medians; nothing where that was not measured."""
    if not figures.get(OURS):
        return None
    match limit:
        case AtMost(value):
            return middle(figures[OURS]) <= value
        case Beside(other, times, plus):
            if not figures.get(other):
                return None
            return middle(figures[OURS]) <= times * middle(figures[other]) + plus
