"""The daemon's side of a node under test: its process, the directory it reads, and what it answers."""

import copy
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from tests.functional.engine_side import EngineSide, ask

Definition = dict[str, Any]


class DaemonSide:
    """*settings* change single settings, ``__`` standing for a dot: ``rollout__probation_seconds=9``."""

    def __init__(self, directory: Path, engine: EngineSide, owner: str, **settings: Any) -> None:
        self.directory = directory
        self.engine = engine
        self.owner = owner
        self.prefix = f"{owner.removeprefix('test-')[:6]}-"
        self.desired = directory / "desired"
        self.state_dir = directory / "state"
        self.socket = directory / "api.sock"
        self.log_file = directory / "daemon.log"
        self.settings_file = directory / "paunchd.yaml"
        self.command = (sys.executable, "-m", "paunchd", "--config", str(self.settings_file))
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._digests: dict[str, str] = {}
        self._settings: dict[str, Any] = {}
        self.desired.mkdir(mode=0o755)
        self.configure(**settings)

    # --- the daemon -------------------------------------------------------------------------------------------------

    def configure(self, **settings: Any) -> None:
        """Write the settings file: quick rollouts, and what *settings* say, now or before."""
        self._settings |= settings
        content: dict[str, Any] = {
            "owner": self.owner,
            "desired_dir": str(self.desired),
            "state_dir": str(self.state_dir),
            "engine": {"url": f"unix://{self.engine.socket_path}"},
            "api": {"socket": str(self.socket), "socket_group": str(os.getgid()), "listen": []},
            "reconcile": {"resync_seconds": 1.0, "debounce_seconds": 0.05},
            "rollout": {
                "min_healthy_seconds": 0.15,
                "healthy_deadline_seconds": 20,
                "probation_seconds": 0.3,
                "max_restarts": 2,
            },
            "log": {"level": "debug"},
        }
        for dotted, value in self._settings.items():
            *groups, last = dotted.split("__")
            place = content
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = value
        self.settings_file.write_text(yaml.safe_dump(content))

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the daemon and do not wait for anything."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONWARNINGS": "ignore", **self.environment},
                start_new_session=True,
            )
        return self._process

    def stop(self) -> int:
        """Ask the daemon to end, as systemd does, and return its exit code."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        self._process = None
        return code

    def kill9(self) -> None:
        """End the daemon as a crash does; nothing happens where it has ended already."""
        process = self._process
        if process:
            process.kill()
            process.wait(30)

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def log(self, event: str = "") -> list[dict[str, Any]]:
        """The daemon's own log, or what it logged as *event*."""
        lines = []
        for line in self.log_file.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"event": "unparsable", "line": line}
            if not event or entry.get("event") == event:
                lines.append(entry)
        return lines

    # --- the desired directory --------------------------------------------------------------------------------------

    def full(self, name: str) -> str:
        """Return the name that *name* has on the engine and in the API."""
        return name if name.startswith(self.prefix) else self.prefix + name

    def short(self, name: str) -> str:
        return name.removeprefix(self.prefix)

    def write(self, config: str, definitions: dict[str, Definition], *, step: int | None = None) -> None:
        """Rename a file with *definitions* into place."""
        content: dict[str, Any] = {self.full(name): self._prefixed(one) for name, one in definitions.items()}
        if step is not None:
            content["x-paunchd"] = {"step": step}
        self.write_text(config, json.dumps(content))

    def write_text(self, config: str, text: str) -> None:
        place = self.desired / f"{config}.yaml"
        pending = place.with_name(f".{place.name}.tmp")
        pending.write_text(text)
        pending.chmod(0o600)
        pending.rename(place)
        self._digests[config] = hashlib.sha256(text.encode()).hexdigest()

    def delete(self, config: str) -> None:
        (self.desired / f"{config}.yaml").unlink()
        self._digests.pop(config)

    def _prefixed(self, definition: Definition) -> Definition:
        """Give the names that *definition* speaks of their prefix as well."""
        made = copy.deepcopy(definition)
        if made.get("action") == "exec":
            made["command"][0] = self.full(made["command"][0])
        if isinstance(made.get("depends_on"), list):
            made["depends_on"] = [self.full(name) for name in made["depends_on"]]
        elif isinstance(made.get("depends_on"), dict):
            made["depends_on"] = {self.full(name): how for name, how in made["depends_on"].items()}
        return made

    # --- the daemon's answers ---------------------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        status, text = ask(str(self.socket), "GET", path)
        assert status == 200, f"GET {path}: {status} {text}"
        return json.loads(text) if text.startswith(("{", "[")) else text

    def status_of(self, path: str) -> tuple[int, str]:
        return ask(str(self.socket), "GET", path)

    def ask_to(self, what: str, name: str) -> None:
        status, text = ask(str(self.socket), "POST", f"/v1/containers/{self.full(name)}/{what}")
        assert status < 300, f"{what} {name}: {status} {text}"

    def confirm_removals(self) -> None:
        assert ask(str(self.socket), "POST", "/v1/removals/confirm")[0] < 300

    def row(self, name: str) -> dict[str, Any]:
        """What the list says of *name*; empty where it does not know it."""
        rows = self.get("/v1/containers")["containers"]
        return next((row for row in rows if row["name"] == self.full(name)), {})

    def detail(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/containers/{self.full(name)}")
        return found

    def results(self, name: str) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.detail(name)["results"]
        return results

    def kept_output(self, name: str) -> str:
        """What a task or an exec printed, as the store has kept it; it leaves by no answer of the daemon's."""
        with closing(sqlite3.connect(f"file:{self.state_dir}/state.db?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT output FROM results WHERE name = ?", (self.full(name),)).fetchall()
        return "\n".join(row[0] for row in rows)

    def history(self, name: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.get(f"/v1/containers/{self.full(name)}/history")["history"]
        return events

    def state(self, name: str) -> str:
        return str(self.row(name).get("state", "unheard of"))

    def states(self) -> dict[str, str]:
        return {self.short(row["name"]): row["state"] for row in self.get("/v1/containers")["containers"]}

    def lanes(self) -> list[dict[str, Any]]:
        lanes: list[dict[str, Any]] = self.get("/v1/plan")["lanes"]
        return lanes

    def metric(self, line: str) -> float:
        """The value of the metric whose line begins with *line*; 0 where there is none yet."""
        for found in str(self.get("/metrics")).splitlines():
            if found.startswith(f"{line} "):
                return float(found.rpartition(" ")[2])
        return 0.0

    def calls(self, verb: str) -> int:
        """How often the daemon has called the engine with *verb*, whatever came of it."""
        found = [
            float(line.rpartition(" ")[2])
            for line in str(self.get("/metrics")).splitlines()
            if line.startswith("paunchd_engine_calls_total{") and f'verb="{verb}"' in line
        ]
        return int(sum(found))
