"""Two containers as the engine inspects them, made comparable."""

from collections.abc import Mapping
from typing import Any

#: Top-level parts that say what a container is; the rest says who and when it is.
PARTS = ("Config", "HostConfig", "Mounts", "NetworkSettings", "Path", "Args", "Driver", "Platform", "AppArmorProfile")

#: Whose order means nothing: the client's is that of a hash map (Binds), or the definition's (Env), ours is sorted.
UNORDERED = frozenset({"Binds", "Env", "Mounts", "Ulimits"})

_RANDOM_NAME = 64

EXCEPTIONS: Mapping[str, str] = {
    "Config.AttachStdout": "says how the client that created it was called; `docker create` always attaches",
    "Config.AttachStderr": "same",
    "Config.Hostname": "the short id, where none is given",
    "Config.Labels": "ours are more, paunch's are left out of its lines",
    "HostConfig.CpusetCpus": "unset means the engine decides; paunch passed its own affinity (T-055)",
    "HostConfig.ContainerIDFile": "where the client wrote the id",
}


def comparable(answer: Mapping[str, Any], *, hostname_given: bool) -> dict[str, Any]:
    """Flatten what counts into ``Part.Key``; the exceptions are left out.

    So are empty lists: client 20.10 sends null where client 28 sends `[]`, and both mean nothing.
    """
    found: dict[str, Any] = {}
    for part in PARTS:
        value = answer.get(part)
        items = value.items() if isinstance(value, dict) else [("", value)]
        for key, item in items:
            item = _without_names(item) if part == "Mounts" else item  # noqa: PLW2901
            item = _capabilities(item) if key in {"CapAdd", "CapDrop"} else item  # noqa: PLW2901
            found[f"{part}.{key}".rstrip(".")] = _sorted(item) if {part, key} & UNORDERED else item
    left_out = {key for key in EXCEPTIONS if key != "Config.Hostname" or not hostname_given}
    return {key: value for key, value in found.items() if key not in left_out and value != []}


def _capabilities(names: Any) -> Any:
    """Client 28 spells them as the engine does, client 20.10 as they were written."""
    return sorted(f"CAP_{name.upper().removeprefix('CAP_')}" for name in names or [])


def _without_names(mounts: Any) -> Any:
    """An anonymous volume has a random name."""
    return [
        {**mount, "Name": "", "Source": ""} if len(mount.get("Name", "")) == _RANDOM_NAME else mount for mount in mounts
    ]


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        key: (theirs.get(key), ours.get(key))
        for key in sorted(theirs.keys() | ours.keys())
        if theirs.get(key) != ours.get(key)
    }


def _sorted(items: Any) -> Any:
    return sorted(items, key=repr) if isinstance(items, list) else items
