"""What a test needs to put the service on a node: a port nobody else gets, and its definition."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import STUB
from tests.functional.daemon_side import Definition
from tests.functional.node import Node, service
from tests.load.visitors import Visit, Visitors

SERVICE = Path(__file__).with_name("service.py")
PYTHON = Path(sys.executable).resolve()
HOST_PYTHON = sorted({place for place in ("/usr", "/lib", "/lib64", sys.base_prefix) if Path(place).exists()})
VOLUMES = [f"{place}:{place}:ro" for place in (*HOST_PYTHON, str(SERVICE))]


@contextmanager
def reserved_port() -> Iterator[int]:
    """Hold a port of loopback: bound and not listening, it takes nothing from those that share it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def command(port: int) -> list[str]:
    return [str(PYTHON), "-IS", str(SERVICE), str(port)]


def make_bare(node: Node, port: int) -> None:
    """Start the same service as a container that is nobody's, at once answering as ``v``."""
    host = {"NetworkMode": "host", "Binds": VOLUMES}
    body = {"Image": STUB, "Cmd": command(port), "Env": ["VERSION=v"], "HostConfig": host}
    node.engine.call("POST", f"/containers/create?name={node.full('bare')}", body)
    node.by_hand("POST", "bare", "start")


def web(version: str, port: int, **keys: Any) -> Definition:
    """The service on the host's network, run by the host's own interpreter."""
    check = {"test": "test -e /tmp/listening", "interval": "60s"}
    seen = {"net": "host", "volumes": VOLUMES, "environment": {"VERSION": version}, "healthcheck": check}
    return service(command=command(port), **{**seen, **keys})


def replaced_under_load(node: Node, switches: int, rate: int) -> list[Visit]:
    """Start the service, have it visited, replace it *switches* times by ``v1``, ``v2``, … beside itself."""
    beside = {"strategy": "start-first", "probation_seconds": 0}
    with reserved_port() as port:
        node.write("app", {"web": web("v0", port, rollout=beside)})
        node.proves()
        with Visitors(port, rate, node.directory / "visits") as visitors:
            node.eventually(visitors.answered_since)
            for number in range(1, switches + 1):
                node.write("app", {"web": web(f"v{number}", port, rollout=beside)})
                node.proves()
    return visitors.visits
