"""Rows and figures as a drawing (SVG): how many times the bare engine's time each contender takes. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from tests.bench.figures import COMPOSE, ENGINE, OURS, PAUNCH, TITLES, Figures, Row, middle

COLOURS = {OURS: "#0a58ca", ENGINE: "#555555", COMPOSE: "#d9822b", PAUNCH: "#b02a37"}
LEFT, WIDTH, LINE, TOP, RIGHT = 330, 560, 34, 64, 40
STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Scale:
    """Logarithmic, from *low* to *high*, both powers of ten."""

    low: float
    high: float

    def x(self, value: float) -> float:
        share = math.log10(value / self.low) / math.log10(self.high / self.low)
        return round(LEFT + share * WIDTH, 1)

    @property
    def ticks(self) -> list[float]:
        exponents = range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)
        every = [step * 10.0**exponent for exponent in exponents for step in STEPS]
        return [tick for tick in every if tick <= self.high]


def plot(rows: Sequence[Row], measured: Mapping[str, Figures]) -> str:
    """Draw those of *rows* in which the bare engine does the same work; least, median and most of each contender."""
    drawn = [(row, _relative(measured[row.key])) for row in rows if _comparable(measured.get(row.key, {}))]
    values = [value for _, spreads in drawn for spread in spreads.values() for value in spread]
    scale = scale_of(values)
    height = TOP + LINE * len(drawn) + 20
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}" '
            'font-family="sans-serif" font-size="12">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
        *_legend(),
        *_grid(scale, height),
    ]
    for number, (row, spreads) in enumerate(drawn):
        lines += _drawn(row, spreads, scale, TOP + LINE * number + LINE // 2)
    return "\n".join([*lines, "</svg>"]) + "\n"


def scale_of(values: Sequence[float]) -> Scale:
    """From the power of ten below the least to the one above the most, with 1 in it."""
    low = math.floor(math.log10(min([*values, 1.0])))
    high = math.ceil(math.log10(max([*values, 1.0])))
    return Scale(10.0**low, 10.0 ** max(high, low + 1))


def _comparable(figures: Figures) -> bool:
    return bool(figures.get(OURS)) and bool(figures.get(ENGINE)) and middle(figures[ENGINE]) > 0


def _relative(figures: Figures) -> dict[str, tuple[float, float, float]]:
    one = middle(figures[ENGINE])
    return {
        name: (min(samples) / one, middle(samples) / one, max(samples) / one)
        for name, samples in figures.items()
        if name in COLOURS and samples and min(samples) > 0
    }


def _legend() -> Iterator[str]:
    yield f'<text x="10" y="22" font-size="14">{escape("× the bare engine, less is better")}</text>'
    for number, (name, colour) in enumerate(COLOURS.items()):
        x = LEFT + 130 * number
        yield f'<circle cx="{x}" cy="18" r="5" fill="{colour}"/>'
        yield f'<text x="{x + 10}" y="22">{escape(TITLES[name])}</text>'


def _grid(scale: Scale, height: int) -> Iterator[str]:
    for tick in scale.ticks:
        x = scale.x(tick)
        colour = "#888888" if tick == 1 else "#e4e4e4"
        yield f'<line x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{height - 14}" stroke="{colour}"/>'
        yield f'<text x="{x}" y="{TOP - 12}" text-anchor="middle" fill="#666666" font-size="10">{tick:g}</text>'


def _drawn(row: Row, spreads: Mapping[str, tuple[float, float, float]], scale: Scale, y: int) -> Iterator[str]:
    yield f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(row.title)}</text>'
    for name, (least, median, most) in spreads.items():
        colour = COLOURS[name]
        ends = f'x1="{scale.x(least)}" y1="{y}" x2="{scale.x(most)}" y2="{y}"'
        yield f'<line {ends} stroke="{colour}" stroke-width="3" opacity="0.4"/>'
        yield f'<circle cx="{scale.x(median)}" cy="{y}" r="5" fill="{colour}"/>'
