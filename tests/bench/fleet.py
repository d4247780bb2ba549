"""The definitions that every contender brings up: containers that do nothing, and a web server that is visited."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.bench.harness import Definition, Fleet
from tests.load.stage import VOLUMES, command, reserved_port

IMAGE = "paunchd.test/stub:1"
WEB = "web"
#: For ours alone; the others know nothing of it, so it is taken out for them.
OWN_KEYS = frozenset({"rollout"})


def idle(version: int) -> dict[str, Any]:
    return {
        "image": IMAGE,
        "net": "none",
        "restart": "always",
        "stop_signal": "SIGKILL",
        "command": ["sleep", "1000000"],
        "environment": {"VERSION": f"v{version}"},
    }


@dataclass(frozen=True)
class Service:
    """The web server at *port*. Ours takes it for proven at once, so that each switch is like the first."""

    port: int
    version: int = 0
    strategy: str = "stop-first"

    @property
    def answer(self) -> str:
        return f"v{self.version}"

    def next(self) -> "Service":
        return replace(self, version=self.version + 1)

    @property
    def definition(self) -> dict[str, Any]:
        return {
            "image": IMAGE,
            "net": "host",
            "restart": "always",
            "command": command(self.port),
            "volumes": VOLUMES,
            "environment": {"VERSION": self.answer},
            **({"healthcheck": {"test": "test -e /tmp/listening", "interval": "60s"}} if self._beside else {}),
            "rollout": {"strategy": self.strategy, "probation_seconds": 0, "min_healthy_seconds": 0},
        }

    @property
    def _beside(self) -> bool:
        return self.strategy == "start-first"


def fleet_of(count: int, version: int = 0, service: Service | None = None) -> Fleet:
    """*count* containers, *service* among them where there is one."""
    idlers = {f"c{number:03d}": idle(version) for number in range(count - (service is not None))}
    return {**idlers, WEB: service.definition} if service else idlers


def without_own_keys(definition: Definition) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key not in OWN_KEYS}


@contextmanager
def served() -> Iterator[Service]:
    with reserved_port() as port:
        yield Service(port)
