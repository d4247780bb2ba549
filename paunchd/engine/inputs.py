"""What creating and changing containers reads on this host besides their specs.

Like the docker client it reads env_files, seccomp profiles and the daemon's own variables; the engine cannot.
No text raised here shows a value.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from paunchd.spec import ContainerSpec

_SECCOMP = ("seccomp=", "seccomp:")
_ONLINE = Path("/sys/devices/system/cpu/online")
_WHITE_SPACE = " \t\v\f\r"


@dataclass(frozen=True, slots=True)
class Inputs:
    """*environment* is ``K=V``, or a bare ``K`` which takes a variable of the image away."""

    environment: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()


def online_processors() -> str:
    """All of this host, as a list the engine reads (``0-7``); empty where it cannot be told."""
    try:
        return _ONLINE.read_text().strip()
    except OSError:
        return ""


def read_inputs(spec: ContainerSpec) -> Inputs:
    """Read what *spec* points to; ``ValueError`` names the file that cannot be."""
    try:
        return Inputs(_environment(spec), tuple(_security_opt(item) for item in spec.security_opt))
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}") from None


def passed_through(pairs: Iterable[tuple[str, str | None]], own: Mapping[str, str]) -> dict[str, str | None]:
    """Give each bare name the value of our *own* variable; where there is none it stays bare."""
    return {name: own.get(name) if value is None else value for name, value in pairs}


def _environment(spec: ContainerSpec) -> tuple[str, ...]:
    """Let the spec's own variables beat its env_files (T-040), and a later file an earlier one."""
    found: dict[str, str | None] = {}
    for path in spec.env_file:
        found |= _env_file(Path(path))
    found |= passed_through(spec.environment, os.environ)
    return tuple(name if value is None else f"{name}={value}" for name, value in found.items())


def _env_file(path: Path) -> dict[str, str | None]:
    """Read the docker client's format.

    Nothing is quoted, ``#`` begins a line, and a bare name of which we have no variable is left out.
    """
    found: dict[str, str | None] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8") from None
    for number, line in enumerate(lines, start=1):
        written = line.removesuffix("\r").lstrip(_WHITE_SPACE)
        if not written or written.startswith("#"):
            continue
        name, equals, value = written.partition("=")
        if not name or any(char.isspace() for char in name):
            raise ValueError(f"{path}:{number}: no variable's name before the `=`")
        if equals or name in os.environ:
            found[name] = value if equals else os.environ[name]
    return found


def _security_opt(option: str) -> str:
    """Put a seccomp profile in the place of its path."""
    path = next((option.removeprefix(key) for key in _SECCOMP if option.startswith(key)), "")
    if not path or path in ("unconfined", "builtin"):
        return option
    try:
        profile = json.loads(Path(path).read_text())
    except ValueError:
        raise ValueError(f"{path}: no JSON") from None
    return f"seccomp={json.dumps(profile, separators=(',', ':'))}"
