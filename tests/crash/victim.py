"""A node whose daemon is killed: at a call, by the proxy it reaches its engine through, or at a write, by itself."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash import launcher
from tests.functional.engine_side import EngineSide
from tests.functional.faults import Fault, What, When
from tests.functional.node import Node
from tests.functional.proxy import Proxy

CONFIG = "{config}"  # in a story's definitions: the directory of its victim's config files
PATIENCE_SECONDS = 120.0  # several daemons start at once, and an engine under load is slow; no check hangs on it

# A daemon that is forked has its imports behind it, which is most of what a start costs.
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["paunchd.daemon", "pytest"])


@dataclass(frozen=True, order=True)
class Point:
    """Where the daemon is killed: right before or right after its call or its write *number*, counted from 1."""

    what: str
    number: int
    when: str

    def __str__(self) -> str:
        return f"killed {self.when} {self.what} {self.number}"


class Forked:
    """A daemon's process, with what a node wants of one."""

    def __init__(self, *arguments: str) -> None:
        self._process = FORKING.Process(target=launcher.run, args=arguments, daemon=True)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


class Victim(Node):
    """*good* are the containers there were before the story began, by their names."""

    def __init__(self, directory: Path, engine: EngineSide, owner: str, proxy: Proxy) -> None:
        self.config = directory / "config-data"
        self.config.mkdir()
        self._write_config("one")
        self._reader = self._unread = ""
        settings = {
            "engine__url": f"unix://{proxy.path}",
            "rollout__probation_seconds": 1.5,
            "config_files__roots": [str(self.config)],
            "config_files__quiet_seconds": 0.3,
        }
        super().__init__(directory, engine, owner, **settings)
        self.proxy = proxy
        self.good: dict[str, dict[str, str]] = {}
        self._strikes = directory / "strikes"
        self._strikes.mkdir()
        self._order = self._strikes / "order"

    def eventually(self, check: Callable[[], object], timeout: float = PATIENCE_SECONDS) -> None:
        super().eventually(check, timeout)

    def launch(self) -> Any:
        self._process = Forked(str(self.settings_file), str(self.log_file), str(self._strikes))
        return self._process

    def write_text(self, config: str, text: str) -> None:
        super().write_text(config, text.replace(CONFIG, str(self.config)))

    def change_config_of(self, name: str, text: str) -> None:
        """Write the file below ``CONFIG``, which *name* reads; until that is seen, the directory counts as unread."""
        self._reader, self._unread = name, self.detail(name)["desired_hash"]
        self._write_config(text)

    def knows_the_directory(self) -> bool:
        known = not self._unread or self.detail(self._reader)["desired_hash"] != self._unread
        return known and super().knows_the_directory()

    def _write_config(self, text: str) -> None:
        (self.config / "web.conf").write_text(text)

    def remember(self, *names: str) -> None:
        """Take down what runs under *names* now."""
        for name in names:
            self.good[name] = {
                "id": self.id(name),
                "started": self.started_at(name),
                "hash": self.row(name).get("running_hash") or "",
            }

    def count_from_here(self, point: Point | None) -> None:
        """Number calls and writes from 1, and kill the daemon at *point*."""
        self._order.write_text(f"{point.number} {point.when}" if point and point.what == "write" else "0")
        at_call = point and point.what == "call"
        self.proxy.arm(*([Fault(point.number, What.KILL, When(point.when))] if at_call else []))

    def be_safe(self) -> None:
        self._order.unlink()
        self.proxy.arm()

    def journal(self) -> list[dict[str, Any]]:
        """Every write there was: its number, its moment, and the good revisions after it."""
        path = self._strikes / "journal"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def counted_writes(self) -> int:
        return max((line["number"] for line in self.journal()), default=0)


@contextmanager
def victim_in(directory: Path, engine: EngineSide, owner: str) -> Iterator[Victim]:
    """A node of its own in *directory*, and everything it began is gone again in the end."""
    directory.mkdir()
    with (
        Proxy(engine.socket_path, directory / "engine.sock") as proxy,
        closing(Victim(directory, engine, owner, proxy)) as victim,
    ):
        proxy.kill = victim.kill9
        yield victim
