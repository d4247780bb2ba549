"""Durations, sizes and the other scalars people write in many ways, each read into one.

Pure. Every function takes what YAML or JSON can hold, accepts its own result, and raises ``ValueError`` with
a sentence that needs no context. Booleans are never numbers here.
"""

import math
import re

_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(rf"(?:(?:{_NUMBER})(?:us|µs|ms|h|m|s))+")
_DURATION_PART = re.compile(rf"({_NUMBER})(us|µs|ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_SIZE = re.compile(rf"({_NUMBER})\s?([kmgtp]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_BOOLEANS = {"true": True, "false": False}
_LARGEST = 2**63 - 1
_LONGEST_SECONDS = 9e9  # what the engine can count in nanoseconds


def duration(value: object) -> float:
    """Seconds, from ``10``, ``"10"``, ``"10s"`` or ``"1h2m3.5s"`` (T-116)."""
    try:
        seconds = _in_units(value) if isinstance(value, str) else positive(value)
    except ValueError:
        raise ValueError(f"{value!r} is no duration; write 10, 10s or 1m30s") from None
    if seconds > _LONGEST_SECONDS:
        raise ValueError(f"{value!r} is longer than anything can take")
    return seconds


def _in_units(value: str) -> float:
    if not _DURATION.fullmatch(value.strip()):
        return positive(value)
    parts = _DURATION_PART.findall(value.strip())
    return math.fsum(float(number) * _SECONDS[unit] for number, unit in parts)


def whole_seconds(value: object) -> int:
    """A duration rounded up, for the engine that knows no fractions."""
    return math.ceil(duration(value))


def size(written: object) -> int:
    """Bytes, from ``512``, ``"512m"``, ``"1.5g"`` or ``"64MiB"``; powers of 1024 like Docker's."""
    value = written
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        value = float(match[1]) * 1024 ** _POWERS[match[2].lower()] if match else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return int(value)
    raise ValueError(f"{written!r} is no size; write 1048576, 512m or 1.5g")


def size_or_unlimited(value: object) -> int:
    return -1 if value in (-1, "-1") else size(value)


def integer(value: object) -> int:
    """A whole number; ``3``, ``3.0`` and ``"3"`` are one."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,19}", value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return value
    raise ValueError(f"{value!r} is no whole number")


def natural(value: object) -> int:
    number = integer(value)
    if number < 0:
        raise ValueError(f"{value!r} is negative")
    return number


def positive(value: object) -> float:
    """A finite number that is not negative."""
    if isinstance(value, str) and re.fullmatch(_NUMBER, value.strip()):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return float(value)
    raise ValueError(f"{value!r} is no number of zero or more")


def boolean(value: object) -> bool:
    """Only true and false, also quoted: ``"False"`` is false (T-038, T-044) and ``1`` is a mistake."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    raise ValueError(f"{value!r} is neither true nor false")


def text(value: object) -> str:
    """One string, numbers as Python prints them. Booleans are refused: YAML makes them of ``yes``."""
    if isinstance(value, bool):
        raise ValueError(f"{value} is a boolean where text is expected; put it in quotes")  # noqa: TRY004
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"{_kind(value)} where text is expected")  # noqa: TRY004 - pydantic wants ValueError
    return clean(value)


def clean(value: str) -> str:
    """*value*, unless no engine could take it."""
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("a NUL or half a surrogate pair in the text")
    return value


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", tuple: "a list", type(None): "nothing"}
    return names.get(type(value), type(value).__name__)
