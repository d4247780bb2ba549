"""One text, read as JSON or YAML into plain values that know their place in it.

Pure. JSON is read as JSON: a YAML reader gets its escapes and floats wrong (T-115). YAML is read from its
events, so that neither depth nor aliases can cost more than the bounds here, and knows fewer types than YAML
1.1: no dates, no base 60, no tags.
"""

import bisect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 32
MAX_VALUES = 200_000

Path = tuple[str | int, ...]
Place = tuple[int, int]


class DocumentError(ValueError):
    """Raised when the text is no document; *line* and *column* count from 1, 0 where there is none."""

    def __init__(self, reason: str, place: Place = (0, 0), key: str = "") -> None:
        super().__init__(reason)
        self.line, self.column = place
        self.key = key


@dataclass(frozen=True, slots=True)
class Document:
    value: Any
    places: Mapping[Path, Place] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """Where *path* is written, or the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (0, 0))


def read_json(text: str) -> Document:
    """Read JSON strictly: no duplicate keys, no NaN. Raises ``DocumentError``."""
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice.extend(key for key, _ in pairs)
        return found

    def refuse(constant: str) -> None:
        raise DocumentError(f"{constant} is no JSON value")

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise DocumentError(f"no valid JSON: {error.msg}", (error.lineno, error.colno)) from None
    except RecursionError:
        raise DocumentError("no valid JSON: nested too deeply") from None
    except DocumentError:
        raise
    except ValueError:
        raise DocumentError("no valid JSON: a number with too many digits") from None
    if twice:
        _Locator(text).walk()
    return Document(value)


def with_places(document: Document, text: str) -> Document:
    """*document* with its places filled in, which for JSON is only worth doing once something is wrong."""
    if document.places:
        return document
    locator = _Locator(text)
    locator.walk()
    return Document(document.value, locator.places)


_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


class _Locator:
    """Finds where the keys of a valid JSON text are; raises ``DocumentError`` at a duplicate one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: dict[Path, Place] = {}
        self._newlines = [match.start() for match in re.finditer("\n", text)]

    def walk(self) -> None:
        self._value(self._skip(0), ())

    def _value(self, at: int, path: Path) -> int:
        if len(path) > MAX_DEPTH:
            raise DocumentError("nested too deeply", self._place(at))
        match self.text[at]:
            case "{":
                return self._mapping(at + 1, path)
            case "[":
                return self._sequence(at + 1, path)
            case '"':
                return _string(self.text, at)[1]
        scalar = _SCALAR.match(self.text, at)
        return scalar.end() if scalar else at + 1

    def _mapping(self, at: int, path: Path) -> int:
        at = self._skip(at)
        while self.text[at] != "}":
            key, after = _string(self.text, at)
            inner = (*path, key)
            if inner in self.places:
                raise DocumentError(f"the key `{key}` is there twice", self._place(at), key)
            self.places[inner] = self._place(at)
            colon = self._skip(after)
            at = self._comma(self._value(self._skip(colon + 1), inner))
        return at + 1

    def _sequence(self, at: int, path: Path) -> int:
        at, index = self._skip(at), 0
        while self.text[at] != "]":
            self.places[(*path, index)] = self._place(at)
            at = self._comma(self._value(at, (*path, index)))
            index += 1
        return at + 1

    def _comma(self, at: int) -> int:
        at = self._skip(at)
        return self._skip(at + 1) if self.text[at] == "," else at

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _place(self, at: int) -> Place:
        line = bisect.bisect_left(self._newlines, at)
        return line + 1, at - (self._newlines[line - 1] if line else -1)


def _string(text: str, at: int) -> tuple[str, int]:
    value, end = json.decoder.scanstring(text, at + 1)  # type: ignore[attr-defined]  # not in the stubs
    return value, end
