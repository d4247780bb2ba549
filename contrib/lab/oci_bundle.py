"""Fit what an engine hands to runc to a host without CAP_SYS_RESOURCE. For tests, never for a real node.

Run by the runtime wrapper of `private_engine`, with runc's own arguments, before runc itself. Without that
capability runc can neither give it to a privileged container nor raise a limit above its own hard one, and
fails. So it is taken out, and limits are lowered to what can be had.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

_CAPABILITY = "CAP_SYS_RESOURCE"


def _value_of(arguments: list[str], *options: str) -> str | None:
    for option, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = option.partition("=")
        if name in options:
            return value if equals else following
    return None


def _fit_limit(limit: dict[str, Any]) -> dict[str, Any]:
    _, highest = resource.getrlimit(getattr(resource, limit["type"]))
    if highest == resource.RLIM_INFINITY:
        return limit
    hard = min(limit["hard"], highest)
    return {**limit, "hard": hard, "soft": min(limit["soft"], hard)}


def fit(process: dict[str, Any]) -> None:
    for capabilities in (process.get("capabilities") or {}).values():
        while _CAPABILITY in (capabilities or []):
            capabilities.remove(_CAPABILITY)
    process["rlimits"] = [_fit_limit(limit) for limit in process.get("rlimits") or []]


def main(arguments: list[str]) -> None:
    bundle = _value_of(arguments, "--bundle", "-b")
    process = _value_of(arguments, "--process", "-p")
    path = Path(bundle, "config.json") if bundle else Path(process) if process else None
    if path is None:
        return
    config = json.loads(path.read_text())
    fit(config["process"] if bundle else config)
    path.write_text(json.dumps(config))


if __name__ == "__main__":
    main(sys.argv[1:])
