"""Heat as a node sees it: a server that takes signals, and the real agents, which poll metadata and call our hook."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.functional.node import Node
from tests.heat.programs import HEAT, Answer, Entry, entry

AGENTS = ROOT / ".lab" / "heat-agents"
HEAT_CONFIG = AGENTS / "source" / "heat-config"
TIMEOUT_SECONDS = 60


class Heat:
    """Takes signals as Heat does by CFN (POST) and TempURL (PUT). *refuse*: so many are answered with 503 first."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.signals: list[tuple[str, Answer]] = []
        self.refuse = 0

    def deployment(self, config: Any, id_: str, resource: str = "Step4", **inputs: Any) -> Entry:
        """One deployment, to be signalled about under the id that its config has this time."""
        signal = {"deploy_signal_id": f"{self.url}/{id_}?Signature=s3cret", "deploy_signal_verb": "POST"}
        return entry(config, resource, id_, **{**signal, **inputs})

    def told(self, id_: str) -> Answer:
        """What Heat was told of *id_*, which must be one signal."""
        (signal,) = [signal for path, signal in self.signals if path.startswith(f"/{id_}?")]
        return signal

    def take(self, path: str, body: bytes) -> int:
        if self.refuse:
            self.refuse -= 1
            return 503
        self.signals.append((path, json.loads(body)))
        return 200


@contextmanager
def listening() -> Iterator[Heat]:
    class Signal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(heat.take(self.path, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST  # noqa: N815 - the name is http.server's

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
            """Keep the test's output for the test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Signal) as server:
        heat = Heat(server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield heat
        server.shutdown()
        thread.join()


class Agents:
    """The agents of one node, with directories of their own; our programs come from the installer."""

    def __init__(self, directory: Path, node: Node) -> None:
        assert HEAT_CONFIG.is_dir(), "no agents: contrib/lab/install_heat_agents.sh gets them (`make test` does)"
        self.run_dir = directory / "run"
        self.deployed = directory / "deployed"
        self._directory = directory
        self._metadata = directory / "metadata.json"
        self._refresh = ("os-refresh-config", "--lockfile", f"{directory}/lock")
        subprocess.run([str(HEAT / "install.sh"), str(directory / "image")], check=True)
        libexec = directory / "image" / "usr" / "libexec"
        refresh = libexec / "os-refresh-config"
        shutil.copy(HEAT_CONFIG / "os-refresh-config" / "configure.d" / "55-heat-config", refresh / "configure.d")
        apply = refresh / "configure.d" / "20-os-apply-config"
        apply.write_text(f"#!/bin/sh\nexec os-apply-config --output {self.run_dir}\n")
        apply.chmod(0o755)
        (directory / "templates").mkdir()
        shutil.copy(HEAT_CONFIG / "os-apply-config/var/run/heat-config/heat-config", directory / "templates")
        self._environment = {
            "LC_ALL": "C",
            "PATH": f"{AGENTS}/venv/bin:/usr/bin:/bin",
            "OS_REFRESH_CONFIG_BASE_DIR": str(refresh),
            "OS_CONFIG_APPLIER_TEMPLATES": str(directory / "templates"),
            "HEAT_CONFIG_HOOKS": str(libexec / "heat-config" / "hooks"),
            "HEAT_SHELL_CONFIG": str(self.run_dir / "heat-config"),
            "HEAT_CONFIG_DEPLOYED": str(self.deployed),
            "OS_CONFIG_FILES": str(self._metadata),
            "PAUNCHD_CONFIG": str(node.settings_file),
            "TMPDIR": str(directory),
        }

    def start_poll(self, *entries: Entry, force: bool = False) -> "subprocess.Popen[str]":
        """Begin one poll of Heat that finds *entries*; *force*: go on also where nothing has changed."""
        self._write(entries)
        return self._start(
            f"{AGENTS}/venv/bin/os-collect-config",
            *("--config-file", os.devnull, "--one-time"),
            *("--cachedir", f"{self._directory}/cache", "--backup-cachedir", f"{self._directory}/backup"),
            *("--command", " ".join(self._refresh), *(["--force"] if force else [])),
            *("--heat_local-path", str(self._metadata), "heat_local"),
        )

    def poll(self, *entries: Entry, force: bool = False) -> str:
        """Poll once, and return what the agents have logged; the run must not be aborted."""
        return self._logged(self.start_poll(*entries, force=force))

    def refresh(self, *entries: Entry) -> str:
        """As ``poll``, without the collector: it does no more than to name the metadata and to run this."""
        self._write(entries)
        return self._logged(self._start(f"{AGENTS}/venv/bin/{self._refresh[0]}", *self._refresh[1:]))

    def _write(self, entries: tuple[Entry, ...]) -> None:
        self._metadata.write_text(json.dumps({"deployments": [*entries]}))

    def _start(self, *command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def _logged(process: "subprocess.Popen[str]") -> str:
        said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0, said
        assert "Aborting" not in said, said
        return said
