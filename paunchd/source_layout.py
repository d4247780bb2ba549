"""Which files of the desired directory count, and what their place says about them.

Looks at names only; ``source_files`` reads.
"""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from paunchd.formats import Origin

_EXTENSIONS = (".yaml", ".yml", ".json")
_HASHED = "hashed-"
_STARTUP = re.compile(r"(?:hashed-)?(?:docker-)?container-startup-config-step_(\d{1,4})\.json")
_STEP = re.compile(r"step_(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Place:
    """One file that counts, or with *problem* a directory of which nothing can be told."""

    path: Path
    origin: Origin
    problem: str = ""


def places_in(directory: Path, *, strict: bool = True) -> list[Place]:
    """Every file that counts, sorted. Raises ``OSError`` when *directory* itself cannot be listed."""
    paths = {name: directory / name for name in _listed(directory)}
    directories = {name for name, path in paths.items() if _is_directory(path)}
    named = [name for name in paths.keys() - directories if name.endswith(_EXTENSIONS)]
    files = _without_twins(named, [name for name in named if name.startswith(_HASHED) and _STARTUP.fullmatch(name)])
    found: list[Place] = []
    for name, path in paths.items():
        if name in directories:
            found += places_of_step(path, strict=strict)
        elif name in files:
            found.append(place_of(path, strict=strict))
    return found


def places_of_step(directory: Path, *, strict: bool = True) -> list[Place]:
    """The files of a ``step_N`` or other directory below the desired one: one container each."""
    try:
        names = [name for name in _listed(directory) if name.endswith(".json")]
    except FileNotFoundError:
        return []
    except OSError as error:
        problem = f"cannot list the directory: {error.strerror}"
        return [Place(directory, _origin_in(directory, "", strict=strict), problem)]
    files = _without_twins(names, [name for name in names if name.startswith(_HASHED)])
    return [_place_of_one(directory, name, strict=strict) for name in names if name in files]


def place_in_step(path: Path, *, strict: bool = True) -> Place:
    return _place_of_one(path.parent, path.name, strict=strict)


@lru_cache(maxsize=4096)  # there may be a thousand, the same at every pass
def _place_of_one(directory: Path, name: str, *, strict: bool) -> Place:
    path = directory / name
    return Place(path, _origin_in(directory, path.stem.removeprefix(_HASHED), strict=strict, path=path))


def place_of(path: Path, *, strict: bool = True) -> Place:
    """Judge a file at the top of the desired directory."""
    startup = _STARTUP.fullmatch(path.name)
    if startup:
        step = int(startup[1])
        return Place(path, Origin(str(path), f"tripleo_step{step}", step, strict=False))
    return Place(path, Origin(str(path), path.stem, strict=strict))


def is_step_directory(directory: Path) -> bool:
    return _STEP.fullmatch(directory.name) is not None


def without_hashed(path: str) -> str:
    """One key for a file and its twin."""
    directory, slash, name = path.rpartition("/")
    return f"{directory}{slash}{name.removeprefix(_HASHED)}"


def _origin_in(directory: Path, name: str, *, strict: bool, path: Path | None = None) -> Origin:
    step = _STEP.fullmatch(directory.name)
    where = str(path or directory)
    if step:
        return Origin(where, f"tripleo_step{int(step[1])}", int(step[1]), name, strict=False)
    return Origin(where, directory.name, None, name, strict=strict)


def _listed(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if not name.startswith("."))  # noqa: PTH208 - no paths yet


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def _without_twins(names: Iterable[str], twins: Iterable[str]) -> set[str]:
    """*names* but for the plain file of which a hashed one is among the *twins*: that one is written last (T-087)."""
    return set(names) - {without_hashed(twin) for twin in twins}
