"""The real `paunchd` as a process of its own, and what it says by API, metrics and log."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from node import Node

from paunchd.client import Client, NoAnswerError, RefusedError

Answer = Mapping[str, Any]

_BIN = Path(sys.executable).parent
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0


class NotUpError(Exception):
    """Raised when the daemon does not come up; the text is the end of its log."""


class Supervisor:
    """Starts and stops the daemon; nothing of the caller's PAUNCHD_* or notify environment reaches it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._client = Client(node.socket, timeout_seconds=5)
        self._process: subprocess.Popen[bytes] | None = None
        foreign = ("PAUNCHD_", "NOTIFY_", "WATCHDOG_")
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}

    def start(self) -> None:
        with self._node.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [_BIN / "paunchd", "--config", self._node.settings_path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends the daemon in order
            )
        deadline = time.monotonic() + _START_SECONDS
        while self.ask("status") is None:
            if not self.alive or time.monotonic() > deadline:
                raise NotUpError(f"paunchd did not come up:\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self) -> tuple[int, float]:
        """SIGTERM: the exit code, and how long it took. An unwilling one is killed."""
        process, self._process = self._process, None
        if process is None:
            return 0, 0.0
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return code, time.monotonic() - began

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask(self, *parts: str) -> Answer | None:
        """One answer of the API; ``None`` while there is none."""
        try:
            return self._client.get(*parts)
        except (NoAnswerError, RefusedError):
            return None

    def paunchctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [_BIN / "paunchctl", "--config", self._node.settings_path, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=self._environment,
        )

    def metric(self, name: str) -> float | None:
        """One sample without labels, as Prometheus would scrape it."""
        address = f"http://127.0.0.1:{self._node.tcp_port}/metrics"
        with urllib.request.urlopen(address, timeout=5) as answer:
            found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else None

    def logged(self, event: str, name: str, since: float) -> float | None:
        """When the daemon's log first tells *event* of *name* after *since*, as wall time."""
        for line in self._node.log_path.read_text().splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if told.get("event") == event and told.get("name") == name:
                at = datetime.fromisoformat(told["at"]).timestamp()
                if at >= since:
                    return at
        return None

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(self._node.log_path.read_text().splitlines()[-lines:])
