"""The daemon with the settings it comes with: files are renamed into its directory, and the engine tells when."""

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.figures import OURS
from tests.bench.ground import ROOT, Ground
from tests.bench.harness import QUIET_SECONDS, Contender, Fleet, changed
from tests.functional.engine_side import Happening
from tests.functional.node import Node

PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.05
PASSES = ("paunchd_pass_duration_seconds_sum", "paunchd_pass_duration_seconds_count")
DEFAULTS: dict[str, Any] = {"reconcile": {}, "rollout": {}, "log": {}}


class Ours(Contender):
    name = OURS

    def __init__(self, ground: Ground, **settings: Any) -> None:
        self._ground = ground
        self._settings = settings
        self._there: Fleet = {}
        self._node: Node | None = None

    @property
    def node(self) -> Node:
        assert self._node
        return self._node

    def prepare(self) -> None:
        self._ground.clear()
        self._there = {}
        node = Node(self._ground.place("ours"), self._ground.side, "bench", **DEFAULTS, **self._settings)
        node.prefix = ""
        node.environment |= _of_the_unit()
        node.start()
        self._node = node

    def apply(self, fleet: Fleet) -> float:
        """Until the engine has told that the last of them started."""
        names = changed(self._there, fleet)
        began = time.time_ns()
        directory = self.node.desired / "fleet"
        directory.mkdir(exist_ok=True)
        for name in names:
            put(directory / f"hashed-{name}.json", json.dumps(fleet[name]))
        self._there = dict(fleet)
        return (max(self.moments("start", names, began)) - began) / 1e9

    def again(self) -> float:
        """A pass of its own accord: something in the directory was touched, and nothing has changed."""
        time.sleep(QUIET_SECONDS)
        before = [*map(self.node.metric, PASSES)]
        poke = self.node.desired / ".poke"
        poke.touch()
        poke.unlink()
        time.sleep(QUIET_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.node.metric(PASSES[1]) == before[1] and time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
        seconds, passes = (self.node.metric(name) - old for name, old in zip(PASSES, before, strict=True))
        return seconds / passes

    def clean(self) -> None:
        self.node.close()
        self._ground.clear()

    def moments(self, action: str, names: Iterable[str], after: int) -> list[int]:
        """When each of *names* first did *action* after a moment, in nanoseconds; waits for it."""
        missing = set(names)
        deadline = time.monotonic() + PATIENCE_SECONDS
        found: dict[str, int] = {}
        while missing:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {action} of {sorted(missing)[:5]}…{self.node.report()}")
            time.sleep(POLL_SECONDS)
            for one in self._since(after):
                if one.action == action and one.name in missing:
                    found[one.name] = one.at
                    missing.discard(one.name)
        return list(found.values())

    def settles(self) -> None:
        """Wait until it has nothing more to do or to find out, but for probation."""
        self.node.eventually(lambda: self.node.get("/v1/containers")["settled"], PATIENCE_SECONDS)

    @contextmanager
    def started(self) -> Iterator[list[float]]:
        """Start the daemon; the list has the seconds until it has told systemd that it is ready."""
        taken: list[float] = []
        place = self.node.directory / "notify.sock"
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(str(place))
            ear.settimeout(PATIENCE_SECONDS)
            self.node.environment["NOTIFY_SOCKET"] = str(place)
            began = time.perf_counter()
            self.node.launch()
            while b"READY=1" not in ear.recv(65536):
                pass
            taken.append(time.perf_counter() - began)
            del self.node.environment["NOTIFY_SOCKET"]
            yield taken

    def _since(self, after: int) -> list[Happening]:
        return [one for one in self.node.story.told() if one.at > after]


def _of_the_unit() -> dict[str, str]:
    """What systemd gives the daemon on a node."""
    settings = (ROOT / "contrib" / "systemd" / "paunchd.service").read_text().splitlines()
    words = [line.partition("=")[2] for line in settings if line.startswith("Environment=")]
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def put(place: Path, text: str) -> None:
    pending = place.with_name(f".{place.name}.tmp")
    pending.write_text(text)
    pending.chmod(0o600)
    pending.replace(place)
