"""How people are told of durations, numbers and misspelt words. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def age(seconds: float) -> str:
    """How long something has lasted, in one unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def short(revision: str) -> str:
    """A revision for a table: enough to tell its definition from others, and behind `+` its config files."""
    definition, plus, files = revision.partition("+")
    return f"{definition[:15]}{plus}{files[:6]}"


def closest(word: str, known: Iterable[str]) -> str:
    """The one of *known* that was probably meant by *word*; empty where none is like it."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.7)), "")


def unknown_key(key: str, known: Iterable[str]) -> str:
    close = closest(key, known)
    return f"unknown key `{key}`; did you mean `{close}`?" if close else f"unknown key `{key}`"
