"""What a definition says of the config files it reads: which of them count, and what a change of them does.

Pure, frozen. Like every part of a spec it reads what it wrote.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from paunchd.spec_forms import elements, signal, strings, words
from paunchd.units import text
from paunchd.wording import unknown_key

#: As ``docker run`` mounts it for the container's own writing: what it writes must not replace it.
_WRITTEN = "rw"


@dataclass(frozen=True, slots=True)
class Signal:
    name: str

    def __str__(self) -> str:
        return f"signal:{self.name}"


@dataclass(frozen=True, slots=True)
class Command:
    """Run inside the container; what it is stays with the definition."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return "exec"


Reaction = Literal["replace", "restart", "none"] | Signal | Command


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """*include* holds paths that count wherever they are, and patterns, of which a file must then match one.

    A pattern is a shell's, matched against the end of a file's path and of each directory it is in.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    on_change: Reaction = "replace"

    KEYS = ("include", "exclude", "on_change")

    @classmethod
    def from_declared(cls, value: object) -> "ConfigFiles":
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"config_files is a mapping of {', '.join(cls.KEYS)}")  # noqa: TRY004
        unknown = sorted(str(key) for key in set(value) - set(cls.KEYS))
        if unknown:
            raise ValueError(unknown_key(unknown[0], cls.KEYS))
        for path in elements(value.get("exclude")):
            if text(path).startswith("/"):
                raise ValueError(f"exclude: {path!r} is absolute; write how its path ends")
        return cls(
            strings(value.get("include")), strings(value.get("exclude")), _reaction(value.get("on_change") or "replace")
        )

    def declared(self) -> dict[str, Any]:
        reaction: Any = str(self.on_change)
        if isinstance(self.on_change, Command):
            reaction = {"exec": list(self.on_change.words)}
        return {"include": list(self.include), "exclude": list(self.exclude), "on_change": reaction}

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(entry for entry in self.include if entry.startswith("/"))

    @property
    def patterns(self) -> tuple[str, ...]:
        return tuple(entry for entry in self.include if not entry.startswith("/"))


def _reaction(value: object) -> Reaction:
    """``signal:SIGHUP`` or ``{signal: SIGHUP}``; ``exec:a b`` or ``{exec: [a, b]}``; or one of the three words."""
    if value in ("replace", "restart", "none"):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        [(kind, what)] = value.items()
    elif isinstance(value, str):
        kind, _, what = value.partition(":")
    else:
        kind, what = "", ""
    if kind == "signal" and what:
        return Signal(signal(what))
    if kind == "exec" and words(what):
        return Command(words(what))
    raise ValueError(f"on_change: {_shown(value)} is none of replace, restart, none, signal:NAME and exec: […]")


def _shown(value: object) -> str:
    return "this" if isinstance(value, Mapping) or "exec" in str(value) else repr(value)


def read_sources(volumes: tuple[str, ...], roots: tuple[str, ...]) -> tuple[str, ...]:
    """The host paths among *volumes* that are at or below one of *roots*, but for those mounted ``rw`` by its own word:
    such a file is the container's to write.
    """
    found = []
    for entry in volumes:
        source, *rest = entry.split(":")
        options = rest[1].split(",") if len(rest) > 1 else []
        if source.startswith("/") and rest and _WRITTEN not in options and _below(plain(source), roots):
            found.append(plain(source))
    return tuple(dict.fromkeys(found))


def _below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def plain(path: str) -> str:
    """The one spelling of an absolute *path*: no doubled or trailing slash, no dots."""
    return posixpath.normpath(f"/{path.lstrip('/')}")
