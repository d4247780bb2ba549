"""What stands behind the question mark of an address: described once, for whoever reads it and for OpenAPI.

Each reader raises ``ProblemError`` with the parameter's name where the value is none.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from paunchd.api.errors import ProblemError

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """*schema* is JSON Schema."""

    name: str
    about: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})


def refuse_unknown(query: Query, known: Collection[Parameter]) -> None:
    strange = sorted(set(query) - {parameter.name for parameter in known})
    if strange:
        raise bad(strange[0], "is not known here; see /openapi.json")


def number(query: Query, name: str, default: float, highest: float) -> float:
    try:
        value = float(query.get(name, default))
    except ValueError:
        value = -1.0
    if not 0 <= value <= highest:
        raise bad(name, f"must be a number from 0 to {highest:.0f}")
    return value


def flag(query: Query, name: str) -> bool:
    return one_of(query, name, ("false", "true")) == "true"


def one_of(query: Query, name: str, words: Collection[str]) -> str | None:
    value = query.get(name)
    if value is not None and value not in words:
        raise bad(name, f"must be one of {', '.join(words)}")
    return value


def bad(name: str, cause: str) -> ProblemError:
    return ProblemError(400, "Bad query", f"`{name}` {cause}")
