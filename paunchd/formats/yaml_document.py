"""YAML into a ``Document``, event by event.

Pure. Mapping keys are always text (``on:`` is the word "on"), aliases are shared and counted, never copied.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml

from paunchd.formats.document import MAX_DEPTH, MAX_VALUES, Document, DocumentError, Path, Place

_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_READERS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: _BOOLEANS[text.lower()],
    "int": lambda text: int(text, 0),
    "float": float,
    "str": str,
}
_KNOWN_TAGS = {*_READERS, "map", "seq"}
_PATTERNS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
    "int": r"[-+]?(?:0|[1-9][0-9]{0,18}|0x[0-9a-fA-F]{1,16})",
    "float": r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?",
}
_PLAIN = {kind: re.compile(pattern) for kind, pattern in _PATTERNS.items()}
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Document:
    """Read the one YAML document in *text*. Raises ``DocumentError``."""
    try:
        return _Builder(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise DocumentError(f"no valid YAML: {_problem(error, text, place)}", place) from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", "it cannot be read")
        raise DocumentError(f"no valid YAML: {reason}") from None


def _problem(error: yaml.MarkedYAMLError, text: str, place: Place) -> str:
    lines = text.splitlines()
    line = lines[place[0] - 1] if 0 < place[0] <= len(lines) else ""
    if "\t" in line[: max(place[1], 1)] and "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab in the indentation; use spaces"
    parts = [part for part in (error.context, error.problem) if part]
    return ", ".join(parts) or "it cannot be read"


class _Builder:
    def __init__(self, text: str) -> None:
        self._parser = _Parser(text)
        self._places: dict[Path, Place] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def document(self) -> Document:
        self._next()
        value: Any = None
        if self._is(yaml.DocumentStartEvent):
            self._next()
            value = self._value(())
            self._next()
        if not self._is(yaml.StreamEndEvent):
            raise DocumentError("a second YAML document in one file", self._place(self._next()))
        return Document(value, self._places)

    def _value(self, path: Path) -> Any:
        event = self._next()
        self._places.setdefault(path, self._place(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._values
        self._count(1, event)
        if len(path) > MAX_DEPTH:
            raise DocumentError("nested too deeply", self._place(event))
        value = self._content(event, path)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._values - before)
        return value

    def _content(self, event: Any, path: Path) -> Any:
        if event.tag not in (None, "!") and event.tag.removeprefix(_TAG) not in _KNOWN_TAGS:
            # Neither a tag nor an alias is told: it may be a password that begins with `!` or `*` and lacks its quotes.
            raise DocumentError("a tag that is not known here; quote a value that begins with `!`", self._place(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event)

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            reason = "an alias that names nothing before it; quote a value that begins with `*`"
            raise DocumentError(reason, self._place(event))
        value, weight = self._anchors[event.anchor]
        self._count(weight, event)
        return value

    def _mapping(self, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not self._is(yaml.MappingEndEvent):
            event = self._next()
            if not isinstance(event, yaml.ScalarEvent):
                raise DocumentError("a key that is no plain text", self._place(event))
            key = event.value
            if key == "<<" and event.implicit[0]:
                merged = {**self._merged(event, path), **merged}
                continue
            if key in own:
                raise DocumentError(f"the key `{key}` is there twice", self._place(event), key)
            self._places[(*path, key)] = self._place(event)
            own[key] = self._value((*path, key))
        self._next()
        return {**merged, **own}

    def _merged(self, event: Any, path: Path) -> dict[str, Any]:
        value = self._value((*path, "<<"))
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise DocumentError("`<<` merges mappings only", self._place(event), "<<")
        return {key: item for source in reversed(sources) for key, item in source.items()}

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not self._is(yaml.SequenceEndEvent):
            items.append(self._value((*path, len(items))))
        self._next()
        return items

    def _scalar(self, event: Any) -> Any:
        kind = self._kind(event) if event.tag in (None, "!") else event.tag.removeprefix(_TAG)
        try:
            return _READERS[kind](event.value)
        except (KeyError, ValueError):  # an explicit tag that does not fit
            raise DocumentError(f"no value of the type {kind}", self._place(event)) from None

    @staticmethod
    def _kind(event: Any) -> str:
        if not event.implicit[0]:
            return "str"
        return next((kind for kind, plain in _PLAIN.items() if plain.fullmatch(event.value)), "str")

    def _count(self, values: int, event: Any) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise DocumentError(f"more than {MAX_VALUES} values, aliases counted in full", self._place(event))

    def _is(self, kind: type) -> bool:
        return bool(self._parser.check_event(kind))

    def _next(self) -> Any:
        return self._parser.get_event()

    @staticmethod
    def _place(event: Any) -> Place:
        return event.start_mark.line + 1, event.start_mark.column + 1
