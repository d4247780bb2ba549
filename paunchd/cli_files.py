"""What the client says about definitions without a daemon: whether a file is good, and what it amounts to."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from paunchd.reconcile.model import Config, Fault
from paunchd.source import Rules, check
from paunchd.source_files import Files
from paunchd.source_layout import is_step_directory, place_in_step, place_of, places_in, places_of_step
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
    path.stat()
    rules = replace(Rules(strict_keys=strict_keys), enforce_owner=False)
    in_steps = is_step_directory(path if path.is_dir() else path.absolute().parent)
    if path.is_dir():
        places = (places_of_step if in_steps else places_in)(path, strict=strict_keys)
    else:
        places = [(place_in_step if in_steps else place_of)(path, strict=strict_keys)]
    parsed = [file.parsed for file in Files(path if path.is_dir() else Path("/"), rules).read(places)]
    found = {name: spec for one in parsed for name, spec in one.definitions.items()}
    return found, [fault for one in parsed for fault in one.faults]


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
