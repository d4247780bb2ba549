"""A Prometheus of the test's own, and its promtool: what an operator sees of the daemon."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

UNPACKED = ROOT / ".lab" / "prometheus"
TIMEOUT_SECONDS = 60


def program(name: str) -> str:
    """Find ``prometheus`` or ``promtool``; a test without it fails, because it must run."""
    found = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}{UNPACKED}")
    assert found, f"{name} is not there: contrib/lab/install_prometheus.sh gets it (`make test` does)"
    return found


def promtool(*arguments: str | Path, text: str = "") -> tuple[int, str]:
    """Run promtool, with *text* on its standard input, and return its exit code and all it said."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    return done.returncode, done.stdout


class PrometheusServer:
    """Scrapes *target* each second, from *directory*, and answers at *port*."""

    def __init__(self, directory: Path, target: str, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self.log_file = directory / "prometheus.log"
        config = directory / "prometheus.yaml"
        scrape = {"job_name": "paunchd", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        config.write_text(yaml.safe_dump({"scrape_configs": [scrape]}))
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={directory / 'prometheus'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def close(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate *expression* now. OSError while nobody answers; AssertionError where it is refused."""
        asked = f"{self._base}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        result: list[dict[str, Any]] = body["data"]["result"]
        return result

    def value(self, expression: str) -> float | None:
        """The one value of *expression*; ``None`` where there is none."""
        result = self.query(expression)
        assert len(result) <= 1, f"{expression}: {result}"
        return float(result[0]["value"][1]) if result else None
