"""Find and end what a private engine started, mounted and wrote, by its directory alone, never others'."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE_SECONDS = 10.0


def alive_since(pid: int) -> str:
    """Tell when process *pid* started, in the kernel's ticks, so that a reused id is not taken for it.

    Empty where there is none.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def processes_under(directory: Path) -> Iterator[tuple[int, list[str]]]:
    """Find the engine's processes (id, command line) which name a path in *directory*."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if any(f"{directory}/" in word for word in words[1:]) and _is_engine_part(words[0]):
                yield int(entry.name), words


def _is_engine_part(program: str) -> bool:
    return Path(program).name in ("dockerd", "containerd", "containerd-shim-runc-v2", "docker-proxy", "runc")


def _children_of(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _mounts_under(directory: Path) -> list[str]:
    mounts = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        path = line.split()[4].encode().decode("unicode_escape")
        if path == str(directory) or path.startswith(f"{directory}/"):
            mounts.append(path)
    return sorted(mounts, key=len, reverse=True)


def _end_processes(directory: Path) -> None:
    """Kill the shims with their containers, which would outlive them, and everything else of the engine."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = list(processes_under(directory))
        if not found:
            return
        for pid, words in found:
            doomed = [*(_children_of(pid) if "shim" in words[0] else []), pid]
            for victim in doomed:
                with contextlib.suppress(OSError):
                    os.kill(victim, signal.SIGKILL)
                    os.kill(victim, signal.SIGCONT)
        time.sleep(0.05)


def remove_tree(directory: Path) -> None:
    """End what runs from *directory*, unmount what is mounted in it, remove it."""
    _end_processes(directory)
    for mount in _mounts_under(directory):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
    shutil.rmtree(directory, ignore_errors=True)
