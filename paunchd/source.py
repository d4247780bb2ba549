"""The desired directory as one snapshot.

Broken is not absent: a file that is no longer understood keeps its names as last understood, a directory that
cannot be read keeps all of them, also over a restart of the daemon. Reads files and its memory, writes only
its memory, and blocks: call it in a worker thread.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from paunchd.errors import StoreError
from paunchd.reconcile.model import Config, Desired, Item
from paunchd.source_claims import Claims, claimed
from paunchd.source_files import File, Files, Rules
from paunchd.source_layout import (
    Place,
    is_step_directory,
    place_in_step,
    place_of,
    places_in,
    places_of_step,
)

__all__ = ["File", "Memory", "Rules", "Source", "check", "files_at", "judged"]


_SWAP_SECONDS = 0.1


class Memory(Protocol):
    """Where the last understood definitions outlive the daemon."""

    def definitions(self) -> dict[str, Item]:
        """Return what ``save_definitions`` was last given; empty at first. Raises ``StoreError``."""

    def save_definitions(self, items: Mapping[str, Item]) -> None:
        """Replace everything kept before. Raises ``StoreError``."""

    def device(self) -> int:
        """Return what ``save_device`` was last given; 0 at first. Raises ``StoreError``."""

    def save_device(self, device: int) -> None:
        """Keep the file system that the directory was last read from. Raises ``StoreError``."""


class Source:
    """Reads one directory, pass after pass. *pause* waits for seconds."""

    def __init__(
        self,
        directory: Path,
        memory: Memory,
        rules: Rules | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._directory = directory
        self._memory = memory
        self._rules = rules or Rules()
        self._pause = pause
        self._files = Files(directory, self._rules)
        self._remembered: dict[str, Item] | None = None
        self._saved: dict[str, Item] = {}
        self._last: Desired | None = None
        self._shut: Desired | None = None
        self._generation = 0
        self._seen: object = None
        self._device = 0
        self._paths: set[str] = set()

    def load(self) -> Desired:
        """Take a new snapshot. Cheap while nothing changes, and then returns the same object.

        A file that has gone is looked for once more a moment later: editors move the old one away before they write
        the new one.
        """
        try:
            self._remember()
        except StoreError as error:  # a broken file's containers would be taken for undeclared
            return self._degraded(str(error))
        try:
            files, device = self._read()
            if self._paths - _paths_of(files):
                self._pause(_SWAP_SECONDS)
                files, device = self._read()
        except OSError as error:
            return self._degraded(f"cannot read {self._directory}: {error.strerror}")
        if not files and self._remembered and self._device not in (0, device):
            return self._degraded(
                f"{self._directory} is another, empty file system than before; is it mounted? "
                "An empty file in it says that it is meant to be so"
            )
        self._stand_on(device)
        self._paths = _paths_of(files)
        return self._snapshot(files)

    def _remember(self) -> None:
        if self._remembered is not None:
            return
        device, saved = self._memory.device(), self._memory.definitions()
        self._device, self._saved, self._remembered = device, saved, dict(saved)
        self._paths = {item.path for item in saved.values()}

    def _stand_on(self, device: int) -> None:
        """Also after a restart, an empty directory under a mount that is missing is not believed."""
        if device == self._device:
            return
        self._device = device
        with suppress(StoreError):
            self._memory.save_device(device)

    def _read(self) -> tuple[list[File], int]:
        device = self._directory.stat().st_dev
        places = places_in(self._directory, strict=self._rules.strict_keys)
        return self._files.read(places), device

    def _snapshot(self, files: list[File]) -> Desired:
        seen = tuple((file.parsed.origin, file.digest, file.parsed.faults) for file in files)
        if seen == self._seen and self._last:
            self._save()
            return self._last
        if seen != self._seen:
            self._generation += 1
        self._seen = seen
        claims = claimed(files, self._remembered or {})
        self._remembered = {
            name: replace(item, kept_because="") if item.kept_because else item for name, item in claims.items.items()
        }
        self._save()
        self._last = Desired(self._generation, claims.items, _configs(files, claims), claims.protected)
        return self._last

    def _save(self) -> None:
        if self._remembered is None or self._remembered == self._saved:
            return
        try:
            self._memory.save_definitions(self._remembered)
        except StoreError:
            return  # tried again at the next pass; whoever performs the plan finds the store shut as well
        self._saved = self._remembered

    def _degraded(self, reason: str) -> Desired:
        if self._shut and self._shut.degraded == reason and self._shut.generation == self._generation:
            return self._shut
        self._generation = max(self._generation, 1)
        kept = {
            name: replace(item, kept_because=item.kept_because or reason)
            for name, item in (self._last.items if self._last else self._remembered or {}).items()
        }
        configs = self._last.configs if self._last else {}
        protected = self._last.protected if self._last else {}
        self._shut = Desired(self._generation, kept, configs, protected, degraded=reason)
        return self._shut


def check(path: Path, rules: Rules | None = None) -> list[Config]:
    """Judge a file, a ``step_N`` directory or a whole desired directory without a daemon, sorted by
    config_id.

    Owner and mode are warnings here: the file may not be where it will be. Raises ``OSError`` if *path* is
    not there.
    """
    return judged(files_at(path, rules))


def judged(files: list[File]) -> list[Config]:
    configs = _configs(files, claimed(files, {}))
    return [configs[config_id] for config_id in sorted(configs)]


def files_at(path: Path, rules: Rules | None = None) -> list[File]:
    """Read what ``check`` judges. Raises ``OSError`` if *path* is not there."""
    rules = replace(rules or Rules(), enforce_owner=False)
    root, places = _places_at(path, rules)
    return Files(root, rules).read(places)


def _places_at(path: Path, rules: Rules) -> tuple[Path, list[Place]]:
    os.stat(path)  # noqa: PTH116 - for its error, which names the path as it was given
    if path.is_dir():
        inside = places_of_step if is_step_directory(path.absolute()) else places_in
        return path, inside(path, strict=rules.strict_keys)
    one = is_step_directory(path.absolute().parent) or _holds_one(path)
    judge = place_in_step if one else place_of
    return Path("/"), [judge(path, strict=rules.strict_keys)]


def _holds_one(path: Path) -> bool:
    """Tell a definition from a mapping of them where the place does not: one has an image, as text."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("image"), str)


def _paths_of(files: list[File]) -> set[str]:
    return {file.parsed.origin.path for file in files}


def _configs(files: list[File], claims: Claims) -> dict[str, Config]:
    grouped: dict[str, list[File]] = {}
    for file in files:
        grouped.setdefault(claims.config_of(file), []).append(file)
    return {config_id: _config(config_id, group, claims) for config_id, group in grouped.items()}


def _config(config_id: str, files: list[File], claims: Claims) -> Config:
    digests = sorted(file.digest for file in files)
    together = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    paths = {file.parsed.origin.path for file in files}
    kept = {item.name for item in claims.items.values() if item.config_id == config_id}
    return Config(
        config_id=config_id,
        digest=digests[0] if len(digests) == 1 else together,
        faults=tuple(fault for file in files for fault in file.parsed.faults)
        + tuple(fault for fault in claims.conflicts if fault.path in paths),
        warnings=tuple(warning for file in files for warning in file.parsed.warnings),
        names=frozenset(kept.union(*(file.parsed.names for file in files))),
    )
