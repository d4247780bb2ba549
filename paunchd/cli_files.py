"""What the client says about definitions without a daemon: whether a file is good, and what it amounts to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paunchd.reconcile.model import Config, Fault
from paunchd.source import Rules, check, files_at
from paunchd.spec import ContainerSpec


def judged(path: Path, *, strict_keys: bool) -> list[Config]:
    """Judge a file or directory. Raises ``OSError``."""
    return check(path, Rules(strict_keys=strict_keys))


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
    parsed = [file.parsed for file in files_at(path, Rules(strict_keys=strict_keys))]
    found = {name: spec for one in parsed for name, spec in one.definitions.items()}
    return found, [fault for one in parsed for fault in one.faults]


def undeclared(directory: Path, *, strict_keys: bool) -> list[str]:
    """Tell who depends on a name that nothing in *directory* declares, and would wait for ever. Raises ``OSError``."""
    found, _ = definitions(directory, strict_keys=strict_keys)
    return [
        f"{name} depends on {dependency.name}, which nothing here declares"
        for name, spec in sorted(found.items())
        for dependency in spec.depends_on
        if dependency.name not in found
    ]


def digests_in(directory: Path, *, strict_keys: bool) -> dict[str, str] | None:
    """Map each config that is not broken to the digest the daemon will have of it; ``None`` if unreadable."""
    try:
        configs = judged(directory, strict_keys=strict_keys)
    except OSError:
        return None
    return {config.config_id: config.digest for config in configs if not config.faults}


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "path": fault.path,
        "line": fault.line,
        "column": fault.column,
        "key": fault.key,
        "reason": fault.reason,
    }
