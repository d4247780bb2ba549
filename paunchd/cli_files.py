"""What the client says about definitions without a daemon: whether a file is good, and what it amounts to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paunchd.reconcile.model import Config, Fault
from paunchd.source import File, Rules, check, files_at, judged
from paunchd.spec import ContainerSpec


@dataclass(frozen=True, slots=True)
class Judged:
    """*undeclared*: of a directory, who depends on a name that nothing in it declares, and would wait for ever."""

    configs: list[Config]
    undeclared: list[str]


def judge(path: Path, *, strict_keys: bool) -> Judged:
    """Judge a file or directory. Raises ``OSError``."""
    files = files_at(path, Rules(strict_keys=strict_keys))
    return Judged(judged(files), _undeclared(_definitions(files)) if path.is_dir() else [])


def judgement(configs: list[Config]) -> dict[str, Any]:
    """Put the judgement as data for programs."""
    return {
        "ok": not any(config.faults for config in configs),
        "configs": [
            {
                "config_id": config.config_id,
                "digest": config.digest,
                "names": sorted(config.names),
                "faults": [_fault(fault) for fault in config.faults],
                "warnings": [_fault(warning) for warning in config.warnings],
            }
            for config in configs
        ],
    }


def definitions(path: Path, *, strict_keys: bool) -> tuple[Mapping[str, ContainerSpec], list[Fault]]:
    """Read what a file or directory declares, and what is wrong with the rest. Raises ``OSError``."""
    files = files_at(path, Rules(strict_keys=strict_keys))
    return _definitions(files), [fault for file in files for fault in file.parsed.faults]


def digests_in(directory: Path, *, strict_keys: bool) -> dict[str, str] | None:
    """Map each config that is not broken to the digest the daemon will have of it; ``None`` if unreadable."""
    try:
        configs = check(directory, Rules(strict_keys=strict_keys))
    except OSError:
        return None
    return {config.config_id: config.digest for config in configs if not config.faults}


def _definitions(files: list[File]) -> Mapping[str, ContainerSpec]:
    return {name: spec for file in files for name, spec in file.parsed.definitions.items()}


def _undeclared(found: Mapping[str, ContainerSpec]) -> list[str]:
    return [
        f"{name} depends on {dependency.name}, which nothing here declares"
        for name, spec in sorted(found.items())
        for dependency in spec.depends_on
        if dependency.name not in found
    ]


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "path": fault.path,
        "line": fault.line,
        "column": fault.column,
        "key": fault.key,
        "reason": fault.reason,
    }
