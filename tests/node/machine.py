"""A node under systemd: a container of the session's engine that boots, runs units, and has an engine of its own.

What is inside is reached as from outside a real node it could not be: files through the root directory of its first
process, its engine and its daemon through their sockets there.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from private_engine import lacks_sys_resource, runtime_wrapper

from tests.conftest import ROOT, Docker
from tests.functional.engine_side import EngineSide, ask
from tests.node.images import NODE, packed

PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.1
NAME = "node"
FITTER = Path("/usr/local/lib/oci_bundle.py")
RUNTIME = Path("/usr/local/sbin/oci-runtime")
UNITS = Path("/etc/systemd/system")
DESIRED = Path("/var/lib/paunchd/desired")


def eventually(check: Callable[[], object], what: str, report: Callable[[], str] = str) -> None:
    """Wait until *check* returns something true; AssertionErrors and refused connections count as not yet."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    last: object = None
    while not last or isinstance(last, Exception):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not so after {PATIENCE_SECONDS:g} s (last: {last!r})\n{report()}")
        time.sleep(POLL_SECONDS)
        try:
            last = check()
        except (AssertionError, OSError) as error:
            last = error


class Machine:
    """A node that has been switched on for the first time: Debian, systemd, Docker's engine; nothing of ours."""

    def __init__(self, docker: Docker) -> None:
        self._docker = docker
        docker(
            *("create", "--name", NAME, "--hostname", NAME, "--network", "none", "--cgroupns", "private"),
            *("--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *(
                "--device-cgroup-rule",
                "a *:* rwm",
            ),  # for what is privileged on it
            *("--tmpfs", "/run:exec", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec", "--env", "container=docker"),
            *("--volume", "/var/lib/docker", "--volume", "/var/lib/containerd", NODE),
        )
        self._furnish()
        self.switch_on()

    def _furnish(self) -> None:
        """Have the node's engine make no networks, and do without what this host cannot give (see `oci_bundle`)."""
        settings: dict[str, Any] = {"bridge": "none", "iptables": False}
        if lacks_sys_resource():
            settings |= {"runtimes": {"lab": {"path": str(RUNTIME)}}, "default-runtime": "lab"}
        files = {
            "/etc/docker/daemon.json": json.dumps(settings).encode(),
            str(FITTER): (ROOT / "contrib" / "lab" / "oci_bundle.py").read_bytes(),
            str(RUNTIME): runtime_wrapper("/usr/bin/python3", FITTER).encode(),
        }
        self._docker("cp", "-", f"{NAME}:/", stdin=packed(files))

    # --- switching it on and off ------------------------------------------------------------------------------------

    def switch_on(self) -> None:
        self._docker("start", NAME)
        pid = self._docker("inspect", "--format", "{{.State.Pid}}", NAME)
        self.root = Path("/proc", pid, "root")
        self.engine = EngineSide(str(self.path("/run/docker.sock")))
        eventually(lambda: self.sh("systemctl is-system-running || true") in ("running", "degraded"), "booted")
        eventually(lambda: self.engine.call("GET", "/_ping") == "OK", "the engine answers", self.report)

    def reboot(self) -> None:
        self.sh("systemctl reboot --no-block")
        self._docker("wait", NAME)
        self.switch_on()

    def close(self) -> None:
        self._docker("rm", "--force", "--volumes", NAME)

    # --- what a person at the node does -----------------------------------------------------------------------------

    def run(self, *command: str, stdin: bytes = b"") -> str:
        """Run *command* as root and return what it prints; it fails loudly."""
        return self._docker("exec", "--interactive", NAME, *command, stdin=stdin)

    def sh(self, script: str) -> str:
        return self.run("sh", "-c", script)

    def path(self, path: str | Path) -> Path:
        """Where the test finds the node's *path*; no symbolic link may be on the way."""
        return self.root / Path(path).relative_to("/")

    def write(self, path: Path, content: str | bytes, mode: int = 0o644) -> None:
        place = self.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        place.chmod(mode)

    def load_images(self, *names: str) -> None:
        """Bring images to the node as a registry would."""
        archive = self.path("/var/tmp/images.tar")
        self._docker("save", "--output", str(archive), *names)
        self.run("docker", "load", "--quiet", "--input", "/var/tmp/images.tar")
        archive.unlink()

    # --- paunchd on it ----------------------------------------------------------------------------------------------

    def install_paunchd(self, wheel: Path, **settings: Any) -> None:
        """Install and enable the daemon as the README says, with *settings* beside the shipped ones."""
        self.install_wheel(wheel)
        self.sh("ln -sf /opt/paunchd/bin/paunchd /opt/paunchd/bin/paunchctl /usr/bin/")
        self.configure(**settings)
        self.write(UNITS / "paunchd.service", (ROOT / "contrib/systemd/paunchd.service").read_bytes())
        self.sh("systemctl daemon-reload && systemctl enable --quiet paunchd")

    def install_wheel(self, wheel: Path) -> None:
        place = Path("/opt") / wheel.name
        self.write(place, wheel.read_bytes())
        self.run(
            "/opt/paunchd/bin/pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", str(place)
        )

    def configure(self, **settings: Any) -> None:
        shipped = yaml.safe_load((ROOT / "conf" / "paunchd.yaml").read_text())
        for name, value in settings.items():
            shipped[name] = {**shipped[name], **value} if isinstance(value, dict) else value
        self.write(Path("/etc/paunchd/paunchd.yaml"), yaml.safe_dump(shipped))

    def declare(self, config: str, step: int, **definitions: Any) -> None:
        pending = self.path(DESIRED / f".{config}.tmp")
        pending.write_text(json.dumps({"x-paunchd": {"step": step}, **definitions}))
        pending.rename(self.path(DESIRED / f"{config}.json"))

    def ask(self, target: str) -> Any:
        status, text = ask(str(self.path("/run/paunchd/api.sock")), "GET", target)
        assert status == 200, f"GET {target}: {status} {text}"
        return json.loads(text)

    def states(self) -> dict[str, str]:
        return {row["name"]: row["state"] for row in self.ask("/v1/containers")["containers"]}

    def becomes(self, **states: str) -> None:
        """Wait until exactly these names are there, in these states."""
        eventually(lambda: self.states() == states, f"{states}", self.report)

    def show(self, unit: str, *properties: str) -> list[str]:
        """Return what systemd says of *unit*."""
        asked = [word for name in properties for word in ("--property", name)]
        told = dict(line.split("=", 1) for line in self.run("systemctl", "show", *asked, unit).splitlines())
        return [told[name] for name in properties]

    def main_pid(self) -> str:
        return self.show("paunchd", "MainPID")[0]

    def lives(self) -> dict[str, tuple[str, str, bool]]:
        """Every container of the node: which it is, since when, and whether it runs."""
        found = [self.engine.inspect(row["Id"]) for row in self.engine.containers()]
        return {one["Name"][1:]: (one["Id"], one["State"]["StartedAt"], one["State"]["Running"]) for one in found}

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output", "cat", "--unit", unit)

    def report(self) -> str:
        """Everything a person needs to see why a check failed."""
        return self.sh(
            "systemctl --no-pager --failed; docker ps --all;"
            " journalctl --no-pager --lines 60 -u paunchd -u docker -u heat-agents; paunchctl status || true"
        )
