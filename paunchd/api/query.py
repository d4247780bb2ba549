"""What stands behind the question mark of an address: described once, for whoever reads it and for OpenAPI.

Each reader raises ``ProblemError`` with the parameter's name where the value is none.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from paunchd.api.errors import ProblemError

Query = Mapping[str, str]

_WHOLE = re.compile(r"[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """*schema* is JSON Schema."""

    name: str
    about: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})

    @property
    def may_be_repeated(self) -> bool:
        return self.schema.get("type") == "array"


def refuse_strange(given: Sequence[str], known: Collection[Parameter]) -> None:
    """Refuse what does nothing, and what says two things at once: who misspells must not believe the answer."""
    strange = sorted(set(given) - {parameter.name for parameter in known})
    if strange:
        raise bad(strange[0], "is not known here; see /openapi.json")
    for parameter in known:
        if not parameter.may_be_repeated and given.count(parameter.name) > 1:
            raise bad(parameter.name, "may be given once")


def whole(query: Query, name: str, default: int, highest: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    if not _WHOLE.fullmatch(given) or int(given) > highest:
        raise bad(name, f"must be a whole number from 0 to {highest}")
    return int(given)


def number(query: Query, name: str, default: float, highest: float) -> float:
    given = query.get(name)
    if given is None:
        return default
    if not _NUMBER.fullmatch(given) or not 0 <= float(given) <= highest:
        raise bad(name, f"must be a number from 0 to {highest:.0f}")
    return float(given)


def flag(query: Query, name: str) -> bool:
    return one_of(query, name, ("false", "true")) == "true"


def one_of(query: Query, name: str, words: Collection[str]) -> str | None:
    value = query.get(name)
    if value is not None and value not in words:
        raise bad(name, f"must be one of {', '.join(words)}")
    return value


def bad(name: str, cause: str) -> ProblemError:
    return ProblemError(400, "Bad query", f"`{name}` {cause}")
