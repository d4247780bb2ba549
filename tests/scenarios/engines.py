"""Scenarios on an engine of their own, which can be stopped and started."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from private_engine import PrivateEngine
from stub_image import build

from tests.functional.engine_side import EngineSide
from tests.functional.node import Node
from tests.functional.proxy import Proxy
from tests.scenarios.scenario import Scenario

STUB = "paunchd.test/stub:1"
DOCKERD = ("--bridge", "none")


@dataclass
class Restartable:
    """A scenario and the engine it has for itself."""

    scenario: Scenario
    engine: PrivateEngine

    def restart_engine(self, meanwhile: Callable[[Node], None]) -> None:
        """Stop the engine, see that it is away and nobody dead, let *meanwhile* happen, and start it again."""
        with self.scenario.step("the engine ends, and everything is unknown") as node:
            self.engine.halt()
            node.eventually(lambda: node.get("/v1/containers")["engine"] == "away")
            assert set(node.states().values()) == {"unknown"}
            meanwhile(node)
        with self.scenario.step("the engine is back") as node:
            self.engine.start(os.getpid())
            node.story.go_on()
            node.eventually(lambda: node.get("/v1/containers")["engine"] == "ok")


@contextmanager
def own_engine(directory: Path, owner: str, *arguments: str) -> Iterator[Restartable]:
    """Begin a scenario on an engine that is started with *arguments*."""
    with PrivateEngine((*DOCKERD, *arguments)) as private:
        build(private.url, [STUB])
        side = EngineSide(str(private.socket))
        with (
            Proxy(side.socket_path, directory / "engine.sock") as proxy,
            closing(Node(directory, side, owner, engine__url=f"unix://{proxy.path}")) as node,
        ):
            scenario = Scenario(node, proxy)
            yield Restartable(scenario, private)
            assert scenario.over, "the scenario did not look at its invariants"
