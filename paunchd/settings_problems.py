"""Turns what is wrong with the settings into sentences that name the setting, the value and the place."""

import os
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from pydantic import ValidationError

from paunchd.wording import closest


def describe(error: ValidationError, prefix: str, known: Collection[str]) -> list[str]:
    """Name each wrong setting by its dotted name, or by its variable where the environment set it."""
    problems = []
    for one in error.errors(include_url=False):
        name = ".".join(str(part) for part in one["loc"])
        variable = prefix + "__".join(str(part) for part in one["loc"][:2]).upper()
        place = variable if os.environ.get(variable) else f"`{name}`"
        if one["type"] == "extra_forbidden":
            problems.append(f"unknown setting {place}{_suggest(name, known)}")
        else:
            cause = one["msg"].removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
            if one["type"] == "model_type":  # pydantic names our class
                cause = "should be a mapping of settings"
            problems.append(f"{place} {cause} (it is {one['input']!r})")
    return problems


def misspelt_variables(variables: Iterable[str], prefix: str, known: Collection[str]) -> list[str]:
    """Find variables that look meant for a setting and are none; strangers with our prefix are let alone."""
    names = {name.replace(".", "__"): name for name in known}
    problems = []
    for variable in sorted(variables):
        name = variable.removeprefix(prefix).lower()
        if not variable.startswith(prefix) or name in names:
            continue
        close = get_close_matches(name, names, n=1, cutoff=0.8)
        if close:
            problems.append(f"unknown variable {variable}; did you mean {prefix}{close[0].upper()}?")
    return problems


def _suggest(name: str, known: Collection[str]) -> str:
    close = closest(name, known)
    return f"; did you mean `{close}`?" if close else ""
