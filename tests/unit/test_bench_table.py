"""What the benchmark says of its figures: ratios, verdicts, the table and the drawing."""

import math
from xml.etree import ElementTree as ET

import pytest

from tests.bench.figures import COMPOSE, ENGINE, OURS, PAUNCH, AtMost, Beside, Row, is_met, ratio
from tests.bench.plot import plot, scale_of
from tests.bench.table import demand, quantity, table, verdict

COLD = Row("cold", "cold start", limits=(Beside(ENGINE, 1.1), Beside(COMPOSE, 1)))
IDLE = Row("idle", "idle <100>", unit="%", limits=(AtMost(0.5),))
MEASURED = {
    "cold": {OURS: [8.0, 9.0, 10.0], ENGINE: [8.0, 8.5, 9.0], PAUNCH: [27.0]},
    "idle": {OURS: [0.75]},
}
SVG = "{http://www.w3.org/2000/svg}"


def test_a_ratio_is_of_medians_and_needs_both_sides():
    """One extreme sample changes nothing, and who was not measured has none."""
    assert ratio({OURS: [1.0, 2.0, 90.0], ENGINE: [4.0]}, ENGINE) == 0.5
    assert ratio({OURS: [1.0]}, ENGINE) is None
    assert ratio({OURS: [1.0], ENGINE: [0.0]}, ENGINE) is None


@pytest.mark.parametrize(
    ("limit", "met"),
    [
        (AtMost(2.0), True),
        (AtMost(1.9), False),
        (Beside(ENGINE, 2.0), True),
        (Beside(ENGINE, 1.9), False),
        (Beside(ENGINE, 1.0, plus=1.0), True),
        (Beside(ENGINE, 1.0, plus=0.9), False),
        (Beside(PAUNCH, 1.0), None),
    ],
)
def test_a_limit_is_kept_up_to_its_very_value(limit, met):
    """Absolute, beside another, beside another and some more; what nobody measured is neither kept nor missed."""
    assert is_met(limit, {OURS: [2.0], ENGINE: [1.0]}) is met


def test_what_was_not_measured_keeps_no_limit():
    """Nor does it break one."""
    assert is_met(AtMost(1), {ENGINE: [1.0]}) is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.01234, "s", "12.3 ms"),
        (0.3612, "s", "361 ms"),
        (1.234, "s", "1.23 s"),
        (123.4, "s", "123 s"),
        (0.0, "s", "0.00 ms"),
        (0.0041, "%", "0.0041 %"),
        (68.25, "MB", "68.2 MB"),
        (1.02, "", "1.02"),
    ],
)
def test_a_quantity_has_three_digits_and_its_unit(value, unit, text):
    """Seconds below one are milliseconds; every other unit stays what it is."""
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (AtMost(0.5), "≤ 500 ms"),
        (Beside(ENGINE, 1.1), "≤ 1.1 × the bare engine"),
        (Beside(COMPOSE, 1), "≤ Compose"),
        (Beside(PAUNCH, 1 / 100), "≥ 100 × faster than paunch"),
        (Beside(ENGINE, 1, plus=0.3), "≤ the bare engine + 300 ms"),
    ],
)
def test_a_demand_reads_as_a_person_would_say_it(limit, text):
    """What is less than another is so many times faster."""
    assert demand(limit, "s") == text


def test_a_verdict_has_the_ratio_it_is_about():
    """Met, missed or not measured, and by how much, where there is a ratio."""
    figures = {OURS: [12.0], ENGINE: [10.0]}
    assert verdict(Beside(ENGINE, 1.2), figures) == "met (1.20 ×)"
    assert verdict(Beside(ENGINE, 1.1), figures) == "**missed** (1.20 ×)"
    assert verdict(Beside(COMPOSE, 1), figures) == "not measured"
    assert verdict(AtMost(12.0), figures) == "met"


def test_the_table_has_a_line_for_each_row_that_was_measured_with_the_ratios_first():
    """Medians with least and most; an empty cell where a contender does not do that work."""
    lines = table([COLD, IDLE, Row("never", "never measured")], MEASURED).splitlines()
    assert len(lines) == 4
    cold = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cold[:4] == ["cold start", "1.06 ×", "", "0.33 ×"]
    assert cold[4:8] == ["9.00 s (8.00 s – 10.0 s, n=3)", "8.50 s (8.00 s – 9.00 s, n=3)", "", "27.0 s"]
    assert cold[8:] == ["≤ 1.1 × the bare engine; ≤ Compose", "met (1.06 ×); not measured"]
    assert lines[3].endswith("| ≤ 0.50 % | **missed** |")


def test_the_drawing_has_the_rows_that_compare_with_the_engine():
    """A row without the engine's figures is left out; text is escaped; every mark is where its ratio is."""
    beside = {**MEASURED, "idle": {OURS: [0.75], ENGINE: [1.5]}}
    for measured, rows in ((MEASURED, 1), (beside, 2)):
        drawing = ET.fromstring(plot([COLD, IDLE], measured))
        texts = [text.text for text in drawing.iter(f"{SVG}text")]
        assert len([text for text in texts if text in ("cold start", "idle <100>")]) == rows
    marks = {float(mark.get("cx")) for mark in drawing.iter(f"{SVG}circle")}
    assert scale_of([0.5, 3.0]).x(0.5) in marks


def test_the_scale_holds_every_value_and_one():
    """Powers of ten around what is drawn, never of no width."""
    scale = scale_of([0.02, 250.0])
    assert (scale.low, scale.high) == (0.01, 1000.0)
    assert scale.ticks[0] == pytest.approx(0.01)
    assert math.isclose(scale.ticks[-1], 1000.0)
    assert scale_of([]).low < scale_of([]).high
