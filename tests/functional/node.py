"""A node under test: a desired directory, a state directory, a settings file, and the real daemon as a process.

Names of containers are short in a test and get a prefix of the test's own on the engine, so that tests cannot meet;
a test that needs the very names sets ``prefix`` to nothing.
"""

import copy
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from tests.functional.engine_side import EngineSide, Happening, ask, most_running_at_once

Definition = dict[str, Any]
PATIENCE_SECONDS = 40.0
POLL_SECONDS = 0.03
LOG_LINES = 60


def service(image: str = "paunchd.test/stub:1", **keys: Any) -> Definition:
    """A container that runs on and ends at once when asked to."""
    return {"image": image, "net": "none", "restart": "always", **keys}


def task(script: str, image: str = "paunchd.test/stub:1", **keys: Any) -> Definition:
    """A container that runs *script* to its end."""
    return {"image": image, "net": "none", "detach": False, "command": ["sh", "-c", script], **keys}


def running_script(script: str, **keys: Any) -> Definition:
    return service(command=["sh", "-c", script], **keys)


class Node:
    """*settings* change single settings, as dotted names: ``{"rollout.probation_seconds": 9}``."""

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
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._digests: dict[str, str] = {}
        self.desired.mkdir(mode=0o755)
        self.configure(**settings)
        self.story = engine.follow()

    # --- the daemon -------------------------------------------------------------------------------------------------

    def configure(self, **settings: Any) -> None:
        """Write the settings file: quick rollouts, and what *settings* say (``__`` stands for a dot)."""
        content: dict[str, Any] = {
            "owner": self.owner,
            "desired_dir": str(self.desired),
            "state_dir": str(self.state_dir),
            "engine": {"url": f"unix://{self.engine.socket_path}"},
            "api": {"socket": str(self.socket), "socket_group": str(os.getgid()), "listen": []},
            "reconcile": {"resync_seconds": 1.0, "debounce_seconds": 0.05},
            "rollout": {
                "min_healthy_seconds": 0.2,
                "healthy_deadline_seconds": 20,
                "probation_seconds": 0.6,
                "max_restarts": 2,
            },
            "log": {"level": "debug"},
        }
        for dotted, value in settings.items():
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
                [sys.executable, "-m", "paunchd", "--config", str(self.settings_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONWARNINGS": "ignore", **self.environment},
                start_new_session=True,
            )
        return self._process

    def start(self) -> None:
        """Start the daemon and wait until it has taken its first pass."""
        self.launch()
        self.eventually(self.answers)

    def answers(self) -> bool:
        if self._process and self._process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self._process.returncode}{self.report()}")
        try:
            return ask(str(self.socket), "GET", "/v1/containers")[0] == 200
        except OSError:
            return False

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

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def close(self) -> None:
        """End everything the test began, and remove every container that has its prefix."""
        self.kill9()
        self.story.close()
        for one in self.ps().values():
            self.engine.call("DELETE", f"/containers/{one['Id']}?force=1&v=1")

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

    # --- the engine's side ------------------------------------------------------------------------------------------

    def ps(self) -> dict[str, dict[str, Any]]:
        """Every container with the test's prefix by its short engine name, ours or not; without a prefix, ours."""
        labels = {} if self.prefix else {"managed_by": self.owner}
        named = [(row["Names"][0].lstrip("/"), row) for row in self.engine.containers(**labels) if row["Names"]]
        return {self.short(name): row for name, row in named if name.startswith(self.prefix)}

    def ids(self) -> dict[str, str]:
        return {name: row["Id"] for name, row in self.ps().items()}

    def id(self, engine_name: str) -> str:
        return self.ids().get(engine_name, "")

    def inspect(self, engine_name: str) -> dict[str, Any]:
        return self.engine.inspect(self.full(engine_name))

    def started_at(self, engine_name: str) -> str:
        return str(self.inspect(engine_name)["State"]["StartedAt"])

    def running(self, engine_name: str) -> bool:
        return self.ps().get(engine_name, {}).get("State") == "running"

    def by_hand(self, method: str, engine_name: str, action: str = "") -> None:
        """What a person at the node does: ``by_hand("POST", "web", "stop?t=0")``."""
        self.engine.call(method, f"/containers/{self.full(engine_name)}{'/' if action else ''}{action}")

    def run_in(self, engine_name: str, *command: str) -> str:
        """Run *command* in a container, as ``docker exec`` does, and return what it printed."""
        ref = self.full(engine_name)
        asked = {"Cmd": [*command], "AttachStdout": True, "AttachStderr": True, "Tty": True}
        made = self.engine.call("POST", f"/containers/{ref}/exec", asked)
        printed = self.engine.call("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": True})
        return str(printed).replace("\r\n", "\n")

    def make_foreign(self, engine_name: str, **labels: str) -> str:
        """Start a container that is not ours and return its id."""
        body = {"Image": "paunchd.test/stub:1", "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
        made = self.engine.call("POST", f"/containers/create?name={self.full(engine_name)}", body)
        self.engine.call("POST", f"/containers/{made['Id']}/start")
        return str(made["Id"])

    def happenings(self, name: str) -> list[Happening]:
        return self.story.told(self.full(name))

    def actions(self, name: str) -> list[str]:
        return [one.action for one in self.happenings(name)]

    # --- waiting ----------------------------------------------------------------------------------------------------

    def eventually(self, check: Callable[[], object], timeout: float = PATIENCE_SECONDS) -> None:
        """Wait until *check* returns something true; AssertionErrors and refused connections count as not yet."""
        deadline = time.monotonic() + timeout
        last: object = None
        while True:
            try:
                last = check()
            except (AssertionError, OSError) as error:
                last = error
                if "the daemon ended" in str(error):
                    raise
            if last and not isinstance(last, Exception):
                return
            if time.monotonic() > deadline:
                what = getattr(check, "__name__", repr(check))
                raise AssertionError(f"{what} is not so after {timeout:g} s (last: {last!r}){self.report()}")
            time.sleep(POLL_SECONDS)

    def becomes(self, state: str, *names: str) -> None:
        """Wait until each of *names* is in *state*, or every name that is declared where none is given."""

        def reached() -> bool:
            assert self.knows_the_directory(), "the directory has not been read yet"
            states = self.states()
            wanted: Iterable[str] = names or states
            assert all(states.get(name) == state for name in wanted), states
            return bool(states) or not names

        reached.__name__ = f"{', '.join(names) or 'everyone'} {state}"
        self.eventually(reached)

    def knows_the_directory(self) -> bool:
        """Whether the daemon has planned with what is in the directory now."""
        view = self.get("/v1/containers")
        listed = {one["config_id"]: one["digest"] for one in self.get("/v1/configs")["configs"]}
        configs = {config: digest for config, digest in listed.items() if digest}  # without one its file is gone
        return view["generation"] == view["observed_generation"] and configs == self._digests

    def settles(self) -> None:
        """Wait until nothing is left to do or to wait for, but for probation."""

        def settled() -> bool:
            return self.knows_the_directory() and bool(self.get("/v1/containers")["settled"])

        self.eventually(settled)

    def proves(self) -> None:
        """Wait until all is settled and proven, and nothing of a rollout is left."""

        def proven() -> bool:
            assert self.knows_the_directory(), "the directory has not been read yet"
            assert self.get("/v1/containers")["settled"], self.states()
            over = {"running", "succeeded"}
            assert set(self.states().values()) <= over, self.states()
            assert not self.leftovers(), self.ps().keys()
            return True

        self.eventually(proven)

    def leftovers(self) -> list[str]:
        return [name for name in self.ps() if name.endswith((".next", ".prev"))]

    def passes(self, count: int = 2) -> None:
        """Wait until the daemon has taken *count* more passes, so that what it wanted to do it has begun."""
        before = self.metric("paunchd_pass_duration_seconds_count")

        def passed() -> bool:
            ask(str(self.socket), "POST", "/v1/reconcile")
            return self.metric("paunchd_pass_duration_seconds_count") >= before + count

        self.eventually(passed)

    # --- checking ---------------------------------------------------------------------------------------------------

    def check_never_two_running(self) -> None:
        """I2: of one name, no two containers have ever run at the same moment."""
        mine = [one for one in self.story.told() if one.name.startswith(self.prefix)]
        twice = {name: most for name, most in most_running_at_once(mine).items() if most > 1}
        assert not twice, f"two copies ran at once: {twice}{self.report()}"

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

    def report(self) -> str:
        """Everything a person needs to see why a check failed."""
        parts = ["", "--- the daemon's log:"]
        if self.log_file.exists():
            parts += self.log_file.read_text(errors="replace").splitlines()[-LOG_LINES:]
        try:
            parts += ["--- its answer:", ask(str(self.socket), "GET", "/v1/containers")[1]]
        except OSError as error:
            parts.append(f"none: {error}")
        parts.append("--- docker ps --all:")
        try:
            parts += [f"{name}  {row['Status']}  {row['Id'][:12]}  {row['Image']}" for name, row in self.ps().items()]
        except (OSError, AssertionError) as error:
            parts.append(f"none: {error}")
        return "\n".join(parts)
