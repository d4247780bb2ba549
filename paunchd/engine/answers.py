"""What an engine's JSON says, in our nouns. Pure.

It is tolerant, because engines leave out, rename and null fields (T-080).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from paunchd.reconcile.model import DEFAULT_GRACE_SECONDS, ContainerState, Details, Health, Listed
from paunchd.spec import NO_RESTART, Limits, RestartPolicy

Answer = Mapping[str, Any]

_OTHER_STATES = {
    "configured": ContainerState.CREATED,
    "initialized": ContainerState.CREATED,
    "stopped": ContainerState.EXITED,
}
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")


def listed(answer: Answer) -> Listed:
    """Read one row of the list."""
    return Listed(
        id=answer["Id"],
        engine_name=_engine_name(answer),
        image=answer.get("Image") or "",
        image_id=answer.get("ImageID") or "",
        labels=answer.get("Labels") or {},
        state=state(answer.get("State") or ""),
        health=_listed_health(answer.get("Status") or ""),
    )


def labels_in(line: bytes) -> Mapping[str, str]:
    """Read the labels, among other attributes, of the container that an event is of; empty where that is unclear."""
    try:
        attributes = json.loads(line)["Actor"]["Attributes"]
        return {name: value for name, value in attributes.items() if isinstance(value, str)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _engine_name(answer: Answer) -> str:
    """Find its own name: a link gives it more (``/other/alias``); one being removed may have none."""
    names: list[str] = [name.removeprefix("/") for name in answer.get("Names") or ()]
    return next((name for name in names if "/" not in name), str(answer["Id"])[:12])


def state(word: str) -> ContainerState:
    """Read the engine's word; one nobody knows counts as running, because unknown is never dead."""
    word = word.lower()
    if word in _OTHER_STATES:
        return _OTHER_STATES[word]
    try:
        return ContainerState(word)
    except ValueError:
        return ContainerState.RUNNING


def _listed_health(status: str) -> Health:
    found = _HEALTH.search(status)
    return Health(found[1]) if found else Health.NONE


def details(answer: Answer, processors: str = "") -> Details:
    """Read an inspect; *processors* are those of the node."""
    now = answer.get("State") or {}
    host = answer.get("HostConfig") or {}
    return Details(
        state=state(now.get("Status") or ""),
        restart=_restart(host.get("RestartPolicy") or {}),
        limits=_limits(host),
        restart_count=answer.get("RestartCount") or 0,
        exit_code=now.get("ExitCode") or 0,
        oom_killed=bool(now.get("OOMKilled")),
        error=now.get("Error") or "",
        started_at=now.get("StartedAt") or "",
        finished_at=now.get("FinishedAt") or "",
        grace_seconds=grace_seconds(answer),
        health_output=_health_output(now),
        processors=processors,
    )


def _restart(policy: Answer) -> RestartPolicy:
    try:
        found = RestartPolicy.parse(policy.get("Name") or "no")
    except ValueError:
        return NO_RESTART
    retries = policy.get("MaximumRetryCount") or 0
    return RestartPolicy(found.name, retries) if found.name == "on-failure" else found


def _limits(host: Answer) -> Limits:
    return Limits(
        memory=host.get("Memory"),
        memory_swap=host.get("MemorySwap"),
        memory_reservation=host.get("MemoryReservation"),
        cpu_shares=host.get("CpuShares"),
        nano_cpus=host.get("NanoCpus"),
        cpu_quota=host.get("CpuQuota"),
        cpuset_cpus=host.get("CpusetCpus") or None,
        pids_limit=host.get("PidsLimit"),
    )


def _health_output(now: Answer) -> str:
    checks = (now.get("Health") or now.get("Healthcheck") or {}).get("Log") or [{}]
    return checks[-1].get("Output") or ""


def grace_seconds(answer: Answer) -> float:
    """How long the engine waits between the stop signal and the kill, from an inspect."""
    declared = (answer.get("Config") or {}).get("StopTimeout")
    return DEFAULT_GRACE_SECONDS if declared is None else max(0.0, float(declared))


def has_terminal(answer: Answer) -> bool:
    return bool((answer.get("Config") or {}).get("Tty"))
