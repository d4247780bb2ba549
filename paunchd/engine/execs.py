"""A command inside a container: waiting for its end, and ending it, for which the engine's API has no call."""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from docker.types.daemon import CancellableStream

from paunchd.engine.client import Sdk, send
from paunchd.engine.protocol import OUTPUT_LIMIT, ExecResult
from paunchd.engine.streams import Stream, Tail, demultiplexed

_POLL_SECONDS = 0.05


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


def finish_exec(sdk: Sdk, exec_id: str, stream: Stream, timeout_seconds: float | None) -> ExecResult:
    """Start the exec that was made as *exec_id*, and wait for its end."""
    tail = Tail(OUTPUT_LIMIT)
    patience: Any = (sdk.timeout, None)  # how long a command may be silent is no matter of the connection
    path = f"/exec/{exec_id}/start"
    asked = {"Detach": False, "Tty": False}
    with send(sdk, "POST", path, json=asked, stream=True, timeout=patience) as response:
        stream.open(CancellableStream(iter(()), response))
        with stream.ended_after(timeout_seconds):
            tail.add_all(demultiplexed(response.raw.read))
            answer = sdk.exec_inspect(exec_id)
            while answer.get("Running") and not stream.ended:  # it has closed its output and goes on
                time.sleep(_POLL_SECONDS)
                answer = sdk.exec_inspect(exec_id)
    if stream.ended and answer.get("Running"):
        kill_exec(answer)
        return ExecResult(None, tail.text())
    return ExecResult(cast("int", answer["ExitCode"]), tail.text())
