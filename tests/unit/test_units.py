"""Durations, sizes and other scalars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paunchd import units


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(10, 10), (1.5, 1.5), ("10", 10), ("10s", 10), ("1m30s", 90), ("5h34m56s", 20096), ("500ms", 0.5), (0, 0)],
)
def test_t116_a_duration_is_a_number_or_has_units(written, seconds):
    """`stop_grace_period: 10s` works, and so does every form Compose knows (T-116)."""
    assert units.duration(written) == seconds


@pytest.mark.parametrize("written", ["soon", "10 s", "-1", -1, True, None, [], "1d", "", float("inf"), "9" * 400])
def test_what_is_no_duration_is_refused(written):
    """Anything else is a mistake that says how to write a duration."""
    with pytest.raises(ValueError, match=r"duration|longer"):
        units.duration(written)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_in_parts_is_their_sum(hours, minutes, seconds):
    """Hours, minutes and seconds add up."""
    assert units.duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


def test_whole_seconds_are_rounded_up():
    """A grace period of 1.2 s is not cut to one second."""
    assert units.whole_seconds("1200ms") == 2


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (512, 512),
        ("512", 512),
        ("512b", 512),
        ("1k", 1024),
        ("512m", 536870912),
        ("512M", 536870912),
        ("1g", 1 << 30),
        ("1.5g", 3 << 29),
        ("64MiB", 64 << 20),
        ("64 mb", 64 << 20),
        (1.0, 1),
    ],
)
def test_t054_a_size_is_bytes_or_has_a_suffix(written, size):
    """Memory limits are honoured in each form Docker takes (T-054)."""
    assert units.size(written) == size


@pytest.mark.parametrize("written", ["lots", "-1", -1, True, None, "1x", "9999999p", float("nan")])
def test_what_is_no_size_is_refused(written):
    """Anything else is a mistake that says how to write a size."""
    with pytest.raises(ValueError, match="is no size"):
        units.size(written)


def test_swap_may_be_unlimited():
    """Only `memswap_limit` knows -1."""
    assert units.size_or_unlimited("-1") == units.size_or_unlimited(-1) == -1


@pytest.mark.parametrize(("written", "meant"), [(True, True), ("False", False), ("true", True), ("TRUE", True)])
def test_t038_t044_a_quoted_boolean_means_what_it_says(written, meant):
    """`privileged: "False"` is false (T-044), and so is `debug: "false"` (T-038)."""
    assert units.boolean(written) is meant


@pytest.mark.parametrize("written", [0, 1, "yes", "", None, []])
def test_t038_nothing_else_is_a_boolean(written):
    """Reading a boolean is strict: a non-empty string is not true (T-038)."""
    with pytest.raises(ValueError, match="neither true nor false"):
        units.boolean(written)


def test_one_is_one_in_any_type():
    """1, 1.0 and "1" are the same number."""
    assert units.integer(1) == units.integer(1.0) == units.integer("1") == 1


@pytest.mark.parametrize("written", [1.5, True, "x", None, "9" * 30])
def test_what_is_no_whole_number_is_refused(written):
    """Neither fractions nor booleans count as whole numbers."""
    with pytest.raises(ValueError, match="whole number"):
        units.integer(written)


def test_text_is_what_was_written():
    """Numbers print as Python prints them; what has no plain form is refused."""
    assert [units.text(value) for value in (0, 1.5, 1e22, "😀")] == ["0", "1.5", "1e+22", "😀"]
    for value in (True, None, [], {}, "a\0b", "\ud83d"):
        with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
            units.text(value)
