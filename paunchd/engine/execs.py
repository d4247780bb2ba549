"""Ending a command that ran out of time inside a container, for which the engine's API has no call."""

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def kill_exec(answer: Mapping[str, Any]) -> None:
    """Kill the process of an inspected exec, where it is on this host and surely still in that container."""
    pid, container = answer.get("Pid") or 0, answer.get("ContainerID") or ""
    if not answer.get("Running") or pid <= 1 or not container:
        return
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if container in Path(f"/proc/{pid}/cgroup").read_text():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
