"""A node under test: a desired directory, a state directory, a settings file, and the real daemon as a process.

Names of containers are short in a test and get a prefix of the test's own on the engine, so that tests cannot meet;
a test that needs the very names sets ``prefix`` to nothing.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.functional.daemon_side import DaemonSide, Definition
from tests.functional.engine_side import EngineSide, Happening, ask, most_running_at_once

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


class Node(DaemonSide):
    """A daemon with its engine, and the patience to wait for what they do together."""

    def __init__(self, directory: Path, engine: EngineSide, owner: str, **settings: Any) -> None:
        super().__init__(directory, engine, owner, **settings)
        self.story = engine.follow()

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

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """End everything the test began, and remove every container that has its prefix."""
        self.kill9()
        self.story.close()
        for one in self.ps().values():
            self.engine.call("DELETE", f"/containers/{one['Id']}?force=1&v=1")

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
