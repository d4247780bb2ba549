"""Which files of the desired directory count, and what their place says about them.

Looks at names only; ``source_files`` reads.
"""

import re
import stat
from dataclasses import dataclass
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
    found: list[Place] = []
    for name in _listed(directory):
        path = directory / name
        if _is_directory(path):
            found += places_of_step(path, strict=strict)
        elif name.endswith(_EXTENSIONS):
            found.append(place_of(path, strict=strict))
    return _without_twins(found)


def places_of_step(directory: Path, *, strict: bool = True) -> list[Place]:
    """The files of a ``step_N`` or other directory below the desired one: one container each."""
    try:
        names = [name for name in _listed(directory) if name.endswith(".json")]
    except FileNotFoundError:
        return []
    except OSError as error:
        problem = f"cannot list the directory: {error.strerror}"
        return [Place(directory, _origin_in(directory, "", strict=strict), problem)]
    return _without_twins([place_in_step(directory / name, strict=strict) for name in names])


def place_in_step(path: Path, *, strict: bool = True) -> Place:
    return Place(path, _origin_in(path.parent, path.stem.removeprefix(_HASHED), strict=strict, path=path))


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
    return sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def _without_twins(places: list[Place]) -> list[Place]:
    """Leave out a plain file whose hashed twin is there: the twin is written last (T-087)."""
    hashed = {without_hashed(str(place.path)) for place in places if _is_twin(place)}
    return [place for place in places if _is_twin(place) or str(place.path) not in hashed]


def _is_twin(place: Place) -> bool:
    name = place.path.name
    return name.startswith(_HASHED) and (bool(place.origin.name) or _STARTUP.fullmatch(name) is not None)
