"""The bare engine: the fewest calls that do the job, through the SDK, as many at a time as is best here."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import docker

from paunchd.engine.config import create_config
from paunchd.engine.inputs import read_inputs
from paunchd.spec import ContainerSpec, Kind
from tests.bench.figures import ENGINE
from tests.bench.fleet import idle
from tests.bench.ground import Ground
from tests.bench.harness import QUIET_SECONDS, Contender, Definition, Fleet, changed, stopwatch

AT_ONCE = (2, 4, 8)
TRIED_WITH = 24


class Bare(Contender):
    name = ENGINE

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._own = threading.local()
        self._there: dict[str, Definition] = {}
        self._at_once = 0

    def prepare(self) -> None:
        self._there = {}
        self._at_once = self._at_once or self._best()
        self._ground.clear()

    def apply(self, fleet: Fleet) -> float:
        """New: create, start. Changed: stop, remove, create, start."""
        names = changed(self._there, fleet)
        with stopwatch() as taken:
            self._at_a_time(self._at_once, lambda name: self._bring(name, fleet[name]), names)
        self._there = dict(fleet)
        return taken[0]

    def change(self, fleet: Fleet) -> float:
        """Create beside the old one, stop the old one, start the new one; names and the old one's rest do not count."""
        (name,) = changed(self._there, fleet)
        with stopwatch() as taken:
            made = self._create(f"{name}.new", fleet[name])
            self.sdk.stop(name)
            self.sdk.start(made)
        self.sdk.remove_container(name)
        self.sdk.rename(made, name)
        self._there = dict(fleet)
        return taken[0]

    def run(self, specs: Mapping[str, ContainerSpec]) -> None:
        """Start what *specs* declare, none after another; what runs once, to its end."""
        self._at_a_time(self._at_once, lambda name: self._run(name, specs[name]), [*specs])

    def restart(self, name: str) -> float:
        with stopwatch() as taken:
            self.sdk.stop(name)
            self.sdk.start(name)
        return taken[0]

    def make_again(self, name: str) -> float:
        """Create and start one that somebody has removed."""
        self.sdk.remove_container(name, force=True)
        with stopwatch() as taken:
            self.sdk.start(self._create(name, self._there[name]))
        return taken[0]

    def again(self) -> float:
        """One list call, of an engine that has rested as long as before a pass of ours."""
        time.sleep(QUIET_SECONDS)
        with stopwatch() as taken:
            self.sdk.containers(all=True)
        return taken[0]

    def clean(self) -> None:
        self._ground.clear()

    @property
    def sdk(self) -> docker.APIClient:
        """The thread's own client, warm."""
        if not hasattr(self._own, "sdk"):
            self._own.sdk = docker.APIClient(self._ground.url, version="auto", timeout=120)
        return self._own.sdk

    @property
    def at_once(self) -> int:
        return self._at_once

    def _bring(self, name: str, definition: Definition) -> None:
        if name in self._there:
            self.sdk.stop(name)
            self.sdk.remove_container(name)
        self.sdk.start(self._create(name, definition))

    def _run(self, name: str, spec: ContainerSpec) -> None:
        sdk = self.sdk
        if spec.kind is Kind.EXEC:
            sdk.exec_start(sdk.exec_create(spec.exec_target, [*spec.exec_command], user=spec.user or ""))
            return
        made = sdk.create_container_from_config(create_config(spec, {}, read_inputs(spec)), name)
        sdk.start(made)
        if spec.kind is Kind.TASK:
            sdk.wait(made)

    def _create(self, name: str, definition: Definition) -> str:
        sdk = self.sdk
        host = sdk.create_host_config(
            network_mode=definition["net"],
            binds=definition.get("volumes"),
            restart_policy={"Name": definition["restart"]},
        )
        made = sdk.create_container(
            definition["image"],
            definition["command"],
            name=name,
            environment=definition["environment"],
            host_config=host,
            stop_signal=definition.get("stop_signal"),
        )
        return str(made["Id"])

    def _at_a_time(self, count: int, work: Callable[[str], None], names: Sequence[str]) -> None:
        with ThreadPoolExecutor(count) as lanes:
            list(lanes.map(work, names))

    def _best(self) -> int:
        """The number of calls at a time with which a few containers come up soonest."""
        tried = {}
        for count in AT_ONCE:
            self._ground.clear()
            names = [f"try{number:02d}" for number in range(TRIED_WITH)]
            with stopwatch() as taken:
                self._at_a_time(count, lambda name: self._bring(name, idle(0)), names)
            tried[count] = taken[0]
        return min(tried, key=lambda count: tried[count])
