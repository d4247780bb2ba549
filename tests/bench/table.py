"""Rows and figures as a Markdown table, ratios first. Pure."""

from collections.abc import Mapping, Sequence

from tests.bench.figures import (
    COMPOSE,
    ENGINE,
    OURS,
    PAUNCH,
    TITLES,
    AtMost,
    Figures,
    Limit,
    Row,
    is_met,
    middle,
    ratio,
)

OTHERS = (ENGINE, COMPOSE, PAUNCH)
HEAD = ("work", *(f"× {TITLES[one]}" for one in OTHERS), *(TITLES[one] for one in (OURS, *OTHERS)), "must be", "is")


def table(rows: Sequence[Row], measured: Mapping[str, Figures]) -> str:
    """One line for each of *rows* that was measured: medians, and in brackets the least and the most."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    lines += [_line(_cells(row, measured[row.key])) for row in rows if measured.get(row.key)]
    return "\n".join(lines) + "\n"


def quantity(value: float, unit: str) -> str:
    """*value* with three digits: seconds as ``12.3 ms`` or ``1.23 s``, anything else in its own unit."""
    if unit == "s" and abs(value) < 1:
        value, unit = value * 1000, "ms"
    return f"{_digits(value)} {unit}".rstrip()


def demand(limit: Limit, unit: str) -> str:
    """*limit* in words."""
    if isinstance(limit, AtMost):
        return f"≤ {quantity(limit.value, unit)}"
    other = TITLES[limit.other]
    if limit.plus:
        return f"≤ {other} + {quantity(limit.plus, unit)}"
    if limit.times == 1:
        return f"≤ {other}"
    return f"≤ {limit.times:g} × {other}" if limit.times > 1 else f"≥ {1 / limit.times:g} × faster than {other}"


def verdict(limit: Limit, figures: Figures) -> str:
    met = is_met(limit, figures)
    word = {True: "met", False: "**missed**", None: "not measured"}[met]
    times = None if isinstance(limit, AtMost) else ratio(figures, limit.other)
    return word if times is None or limit.plus else f"{word} ({_times(times)})"


def _cells(row: Row, figures: Figures) -> list[str]:
    ratios = [ratio(figures, other) for other in OTHERS]
    return [
        row.title,
        *("" if one is None else _times(one) for one in ratios),
        *(_spread(figures.get(one, ()), row.unit) for one in (OURS, *OTHERS)),
        "; ".join(demand(limit, row.unit) for limit in row.limits) or "reported",
        "; ".join(verdict(limit, figures) for limit in row.limits),
    ]


def _spread(samples: Sequence[float], unit: str) -> str:
    if not samples:
        return ""
    text = quantity(middle(samples), unit)
    if len(samples) == 1:
        return text
    return f"{text} ({quantity(min(samples), unit)} – {quantity(max(samples), unit)}, n={len(samples)})"


def _times(value: float) -> str:
    return f"{_digits(value)} ×"


def _digits(value: float) -> str:
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 or not value else 4
    return f"{value:.{places}f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
