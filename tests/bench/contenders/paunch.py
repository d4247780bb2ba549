"""paunch 7.0.4 on Docker: one ``hashed-NAME.json`` a container in a directory, ``paunch apply`` each time."""

import json
import os
from pathlib import Path

from tests.bench.figures import PAUNCH
from tests.bench.fleet import without_own_keys
from tests.bench.ground import PAUNCH_PROGRAM, Ground
from tests.bench.harness import Contender, Fleet, stopwatch


class Paunch(Contender):
    name = PAUNCH

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._directory = Path(os.devnull)

    @staticmethod
    def is_here() -> bool:
        return PAUNCH_PROGRAM.exists()

    def prepare(self) -> None:
        self._ground.clear()
        self._directory = self._ground.place("paunch")

    def apply(self, fleet: Fleet) -> float:
        for name, definition in fleet.items():
            (self._directory / f"hashed-{name}.json").write_text(json.dumps(without_own_keys(definition)))
        return self.again()

    def again(self) -> float:
        return self.apply_file(self._directory, "bench")

    def apply_file(self, file: Path, config_id: str) -> float:
        words = ["apply", "--file", str(file), "--config-id", config_id]
        with stopwatch() as taken:
            self._ground.run(str(PAUNCH_PROGRAM), *words, "--managed-by", "bench", "--default-runtime", "docker")
        return taken[0]

    def clean(self) -> None:
        self._ground.clear()
