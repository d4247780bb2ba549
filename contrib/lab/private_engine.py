"""A container engine of one's own: dockerd in a temporary directory, beside anything else on the host.

It shares nothing with a system engine: own socket, data, network settings. What it leaves behind when its
starter is killed is swept by the next start. Needs root, dockerd and runc; never needs a registry.

    python3 private_engine.py start            prints DOCKER_HOST and leaves the engine running
    python3 private_engine.py stop DIRECTORY
    python3 private_engine.py run COMMAND...   with DOCKER_HOST set, for as long as COMMAND runs
    python3 private_engine.py sweep            removes what dead starters left
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from engine_api import call
from leftovers import alive_since, processes_under, remove_tree

_PREFIX = "paunchd-lab-"
_SYS_RESOURCE = 1 << 24
_READY_SECONDS = 30.0
_STOP_SECONDS = 20.0


class LabError(Exception):
    """Raised when no private engine can be had; the text says what to do."""


def lacks_sys_resource() -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    bounding = next(line for line in lines if line.startswith("CapBnd:"))
    return not int(bounding.split()[1], 16) & _SYS_RESOURCE


def runtime_wrapper(python: str, fitter: Path) -> str:
    """Return the text of a program that stands for runc: *fitter* (`oci_bundle`) first, then runc itself."""
    return (
        "#!/bin/sh\n"
        'for argument in "$@"; do\n'
        f'  case "$argument" in create|exec) "{python}" -IS "{fitter}" "$@" || exit 1; break\n'
        "  esac\n"
        "done\n"
        'exec runc "$@"\n'
    )


def _requirements() -> str:
    """Where dockerd is. LabError says what is missing."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if os.geteuid() != 0:
        raise LabError("cannot start a private engine: it needs root")
    dockerd = shutil.which("dockerd", path=path)
    if not dockerd or not shutil.which("runc", path=path):
        raise LabError("cannot start a private engine: no dockerd or runc here; see contrib/lab/install_engine.sh")
    return dockerd


class PrivateEngine:
    """One private engine. As a context manager it lives as long as the block.

    *arguments* go to dockerd. By default it makes no network: containers have `host` or `none`.
    """

    def __init__(self, arguments: Sequence[str] = ("--bridge", "none"), *, directory: Path | None = None) -> None:
        self.directory = directory or Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getpid()}-{time.time_ns():x}"
        self.socket = self.directory / "docker.sock"
        self.url = f"unix://{self.socket}"
        self._arguments = tuple(arguments)
        self._dockerd: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start(os.getpid())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, owner: int | None = None) -> None:
        """Start the daemon, on what `halt` left where it was halted. Swept once process *owner* has died."""
        dockerd = _requirements()
        sweep()
        self.directory.mkdir(mode=0o755, exist_ok=True)
        self._forget_dead_daemons()
        if owner is not None:
            (self.directory / "owner").write_text(f"{owner} {alive_since(owner)}")
        with (self.directory / "log").open("ab") as log:
            self._dockerd = subprocess.Popen(
                [dockerd, *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"},
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def halt(self, *, kill: bool = False) -> None:
        """Stop the daemon, or *kill* it as a crash would, and keep its data; stopping ends its containers."""
        for pid in self._daemon_pids():
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGKILL if kill else signal.SIGTERM)
        self._wait_until_gone()

    def freeze(self) -> None:
        """Let every call hang, as a daemon in trouble does, until `thaw`."""
        for pid in self._daemon_pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self._daemon_pids():
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the daemon, whatever ran in it and whatever is left of it, with no grace for anybody."""
        self.halt(kill=True)
        remove_tree(self.directory)

    def log_tail(self, lines: int = 20) -> str:
        text = (self.directory / "log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _forget_dead_daemons(self) -> None:
        # A crashed containerd stays a zombie where nobody reaps, and dockerd takes it for a living one.
        for name in ("pid", "exec/containerd/containerd.pid"):
            (self.directory / name).unlink(missing_ok=True)

    def _options(self) -> list[str]:
        directory = self.directory
        options = ["--host", self.url, "--data-root", str(directory / "data")]
        options += ["--exec-root", str(directory / "exec"), "--pidfile", str(directory / "pid")]
        options += ["--config-file", str(directory / "daemon.json"), "--iptables=false", *self._arguments]
        (directory / "daemon.json").write_text("{}")
        if lacks_sys_resource():
            options += ["--add-runtime", f"lab={self._write_wrapper()}", "--default-runtime", "lab"]
        return options

    def _write_wrapper(self) -> Path:
        wrapper = self.directory / "oci-runtime"
        wrapper.write_text(runtime_wrapper(sys.executable, Path(__file__).resolve().with_name("oci_bundle.py")))
        wrapper.chmod(0o755)
        return wrapper

    def _daemon_pids(self) -> list[int]:
        return [pid for pid, words in processes_under(self.directory) if Path(words[0]).name == "dockerd"]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            try:
                call(str(self.socket), "GET", "/_ping", timeout_seconds=5)
            except OSError:
                self._fail_if_dead()
                time.sleep(0.05)
            else:
                return
        raise LabError(f"cannot start a private engine: not ready after {_READY_SECONDS:g} s\n{self.log_tail()}")

    def _fail_if_dead(self) -> None:
        if self._dockerd is not None and self._dockerd.poll() is not None:
            raise LabError(f"cannot start a private engine: dockerd ended\n{self.log_tail()}")

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        while self._daemon_pids() and time.monotonic() < deadline:
            if self._dockerd is not None:
                self._dockerd.poll()
            time.sleep(0.05)
        if self._dockerd is not None and not self._daemon_pids():
            self._dockerd.wait()
            self._dockerd = None


def sweep() -> None:
    """Remove the engines whose owner has died without stopping them."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = directory / "owner"
        if not owner.exists():
            continue
        pid, _, since = owner.read_text().partition(" ")
        if pid and alive_since(int(pid)) != since:
            remove_tree(directory)


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["start"]:
            engine = PrivateEngine()
            engine.start()
            print(f"DOCKER_HOST={engine.url}")  # noqa: T201 - what the caller asked for
        case ["stop", directory]:
            PrivateEngine(directory=Path(directory)).stop()
        case ["run", *command] if command:
            with PrivateEngine() as engine:
                return subprocess.call(command, env={**os.environ, "DOCKER_HOST": engine.url})
        case ["sweep"]:
            sweep()
        case _:
            print(__doc__, file=sys.stderr)  # noqa: T201 - usage
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as error:
        sys.exit(str(error))
