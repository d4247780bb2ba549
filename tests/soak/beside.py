"""What goes on beside a soak: samples of the daemon, readers of its API, and an idle process as control."""

import http.client
import math
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.functional.engine_side import UnixConnection
from tests.functional.node import Node
from tests.soak.figures import Sample, bucketed

READ_SECONDS = 0.25
PATIENCE_SECONDS = 30.0
LABELLED = ("paunchd_lanes", "paunchd_rollouts", "paunchd_rollbacks")


class Beside:
    """*samples*, and *answers* by status (0: nobody answered), since the block began."""

    def __init__(self, node: Node, every_seconds: float) -> None:
        self.samples: list[Sample] = []
        self.answers: Counter[int] = Counter()
        self._node = node
        self._every = every_seconds
        self._began = time.monotonic()
        self._over = threading.Event()
        self._lags = node.directory / "control"

    @contextmanager
    def running(self, names: list[str], configs: list[str]) -> Iterator[None]:
        """Sample, read and measure for as long as the block lasts; *names* and *configs* are asked for."""
        waits = [f"/v1/configs/{config}?wait=settled&timeout_seconds=3" for config in configs]
        details = [f"/v1/containers/{name}{more}" for name in names for more in ("", "/history")]
        looks = [*details, "/v1/plan", "/v1/status", "/v1/configs", "/metrics", "/healthz", "/readyz"]
        reads = (lambda: "/v1/containers", lambda: random.choice(waits), lambda: random.choice(looks))
        threads = [
            threading.Thread(target=self._sample),
            *(threading.Thread(target=self._read, args=[r]) for r in reads),
        ]
        with ExitStack() as ends, self._lags.open("wb") as lags:
            control = subprocess.Popen([sys.executable, "-m", "tests.soak.control"], stdout=lags)
            ends.callback(control.wait)
            ends.callback(control.kill)
            for thread in threads:
                thread.start()
                ends.callback(thread.join)
            ends.callback(self._over.set)
            yield

    def control(self) -> dict[float, float]:
        """How late the idle process was, counted as the daemon counts."""
        bounds = [bound for one in self.samples[-1:] for bound in one.late if not math.isinf(bound)]
        return bucketed([float(line) for line in self._lags.read_text().splitlines()], bounds)

    def _sample(self) -> None:
        while not self._over.wait(self._every):
            try:
                self.samples.append(sample(self._node, time.monotonic() - self._began))
            except (OSError, AssertionError):
                continue  # it is being started again

    def _read(self, choose: Callable[[], str]) -> None:
        tag = ""
        while not self._over.wait(READ_SECONDS):
            try:
                status, tag = read(str(self._node.socket), choose(), tag)
            except (OSError, http.client.HTTPException):
                status, tag = 0, ""
            self.answers[status] += 1


def read(path: str, target: str, tag: str) -> tuple[int, str]:
    """Ask for *target*, unless it is still the one of *tag*; its status and its tag."""
    connection = UnixConnection(path, PATIENCE_SECONDS)
    try:
        connection.request("GET", target, headers={"If-None-Match": tag} if tag else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("ETag", "")
    finally:
        connection.close()


def sample(node: Node, at: float) -> Sample:
    """Look at the daemon now. Raises ``OSError`` or ``AssertionError`` where there is none."""
    process = Path(f"/proc/{node.pid}")
    status = (process / "status").read_text()
    counters: dict[str, dict[str, float]] = {name: {} for name in LABELLED}
    late, passes = {}, 0.0
    for family in text_string_to_metric_families(node.get("/metrics")):
        for one in family.samples:
            if family.name in LABELLED and one.name.endswith("_total"):
                counters[family.name][" ".join(one.labels.values())] = one.value
            elif one.name == "paunchd_event_loop_lag_seconds_bucket":
                late[float(one.labels["le"])] = one.value
            elif one.name == "paunchd_pass_duration_seconds_count":
                passes = one.value
    ran, waited = _scheduled(process)
    return Sample(
        at=at,
        pid=node.pid,
        fds=len(list((process / "fd").iterdir())),
        threads=_number("Threads", status),
        rss_bytes=_number("VmRSS", status) * 1024,
        store_bytes=sum(path.stat().st_size for path in node.state_dir.glob("state.db*")),
        passes=passes,
        lanes=counters["paunchd_lanes"],
        rollouts=counters["paunchd_rollouts"],
        rollbacks=counters["paunchd_rollbacks"],
        late=late,
        ran_seconds=ran,
        waited_seconds=waited,
        load=os.getloadavg()[0],
    )


def _scheduled(process: Path) -> tuple[float, float]:
    """How long the threads that there are have run, and have waited for a processor."""
    ran = waited = 0
    for thread in (process / "task").iterdir():
        with suppress(FileNotFoundError):
            on, off, _ = map(int, (thread / "schedstat").read_text().split())
            ran, waited = ran + on, waited + off
    return ran / 1e9, waited / 1e9


def _number(field: str, status: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+)", status, re.MULTILINE)
    assert found, f"no {field} in /proc"
    return int(found[1])
