"""Docker Compose: one file, ``up --detach`` each time."""

import json
from typing import Any

from tests.bench.figures import COMPOSE
from tests.bench.fleet import without_own_keys
from tests.bench.ground import COMPOSE_PROGRAM, Ground
from tests.bench.harness import Contender, Definition, Fleet, stopwatch


class Compose(Contender):
    name = COMPOSE

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._directory = ground.place("compose")

    @staticmethod
    def is_here() -> bool:
        return COMPOSE_PROGRAM.exists()

    def prepare(self) -> None:
        self._ground.clear()

    def apply(self, fleet: Fleet) -> float:
        services = {name: _service(name, definition) for name, definition in fleet.items()}
        (self._directory / "compose.yaml").write_text(json.dumps({"name": "bench", "services": services}))
        return self.again()

    def again(self) -> float:
        with stopwatch() as taken:
            self._ground.run(str(COMPOSE_PROGRAM), "up", "--detach", directory=self._directory)
        return taken[0]

    def clean(self) -> None:
        self._ground.clear()


def _service(name: str, definition: Definition) -> dict[str, Any]:
    service = without_own_keys(definition)
    service["network_mode"] = service.pop("net")
    return {**service, "container_name": name}
