"""What one declared name asks for, normalised: the value that is compared, hashed, stored and created from.

Pure. A spec knows which of its keys were *set*; only those are hashed, so a key added to the model later
changes no hash. Nothing here reads the definition's file, the daemon's environment or the engine.
"""

import hashlib
import json
import re
from typing import Any

from paunchd.spec_files import Command, ConfigFiles, Signal
from paunchd.spec_limits import Gap, Limits, gap
from paunchd.spec_model import ALIASES, KEYS, NO_EFFECT, ContainerSpec
from paunchd.spec_parts import (
    NO_RESTART,
    Dependency,
    Healthcheck,
    Kind,
    RestartPolicy,
    Rollout,
    Ulimit,
)

__all__ = [
    "ALIASES",
    "KEYS",
    "NO_EFFECT",
    "NO_RESTART",
    "SCHEME",
    "Command",
    "ConfigFiles",
    "ContainerSpec",
    "Dependency",
    "Gap",
    "Healthcheck",
    "Kind",
    "Limits",
    "RestartPolicy",
    "Rollout",
    "Signal",
    "Ulimit",
    "changed_keys",
    "config_hash",
    "dump",
    "gap",
    "load",
    "name_problem",
]

SCHEME = "v1"

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_RESERVED = (".next", ".prev")

#: Set keys that are no part of the hash: metadata, and what the engine changes on a living container.
_METADATA = frozenset(
    {
        "start_order",
        "depends_on",
        "host_dependencies",
        "rollout",
        "config_files",
        "pull",
        "on_unhealthy",
        "retries",
        "timeout_seconds",
        "remove",
    }
)
_UPDATABLE = frozenset(
    {
        "restart",
        "mem_limit",
        "memswap_limit",
        "mem_reservation",
        "cpu_shares",
        "cpus",
        "cpu_quota",
        "cpuset_cpus",
        "pids_limit",
    }
)
_ONLY_TASKS = frozenset({"exit_codes"})
#: Lists whose order means nothing, so a template that shuffles them replaces nothing.
_UNORDERED = frozenset(
    {"cap_add", "cap_drop", "group_add", "security_opt", "expose", "ports", "volumes", "devices", "tmpfs"}
)


def name_problem(name: str) -> str:
    """Why *name* cannot be a container's, or nothing."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no container name; use letters, digits, `_`, `.` and `-`, at least two"
    if name.endswith(_RESERVED):
        return f"{name!r} ends in {' or '.join(_RESERVED)}, which name the containers of a rollout"
    return ""


def config_hash(spec: ContainerSpec) -> str:
    """The revision of *spec*.

    What it covers is a promise: a change here replaces every container of every node.
    """
    canonical = json.dumps(_hashed(spec), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{SCHEME}:{hashlib.sha256(canonical.encode()).hexdigest()}"


def changed_keys(old: ContainerSpec, new: ContainerSpec) -> tuple[str, ...]:
    """The keys that make two hashes differ, sorted."""
    before, after = _hashed(old), _hashed(new)
    return tuple(sorted(key for key in before | after if before.get(key) != after.get(key)))


def _hashed(spec: ContainerSpec) -> dict[str, Any]:
    left_out = _METADATA | _UPDATABLE | (_ONLY_TASKS if spec.kind is Kind.CONTAINER else frozenset())
    values = spec.model_dump(mode="json", exclude_unset=True, exclude=set(left_out))
    return {key: _canonical(sorted(value) if key in _UNORDERED else value) for key, value in values.items()}


def _canonical(value: Any) -> Any:
    """No float where an integer says the same: 10 and 10.0 seconds are one."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def dump(spec: ContainerSpec) -> str:
    """*spec* as text for the store; ``load`` gives an equal spec with the same keys set."""
    return json.dumps(spec.model_dump(mode="json", exclude_unset=True), sort_keys=True)


def load(text: str) -> ContainerSpec:
    """Read what ``dump`` wrote; raises ``ValueError`` on anything else."""
    return ContainerSpec.model_validate(json.loads(text))
