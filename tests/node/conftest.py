"""What node tests share: an engine of the checkout's own that keeps its images, and a node on it.

They are told by ``make test-node`` alone: building a node takes minutes, and Debian.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from leftovers import remove_tree
from private_engine import LabError, PrivateEngine

from paunchd import __version__
from tests.conftest import ROOT, Docker
from tests.node import images
from tests.node.machine import Machine

collect_ignore_glob = [] if os.environ.get("PAUNCHD_NODE") else ["test_*.py"]

NEWER = "99.0.0"
QUICK = {"min_healthy_seconds": 0.5, "healthy_deadline_seconds": 20, "probation_seconds": 1, "max_restarts": 2}


@pytest.fixture(scope="session")
def lab() -> Iterator[PrivateEngine]:
    """Start the engine that is kept under .lab, with whatever an earlier session has built; one session at a time."""
    directory = ROOT / ".lab" / "engine"
    directory.mkdir(parents=True, exist_ok=True)
    with (ROOT / ".lab" / "engine.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.fail(f"cannot start an engine in {directory}: another session has it")
        engine = PrivateEngine(directory=directory)
        engine.halt(kill=True)  # what a killed session has left
        try:
            engine.start()
        except LabError as error:
            pytest.fail(str(error))
        yield engine
        engine.halt()
        remove_tree(directory / "exec")  # a namespace is left mounted in it, and nobody could remove the clone


@pytest.fixture(scope="session")
def node_image(docker: Docker, engine_url: str) -> None:
    left = docker("ps", "--all", "--quiet").split()
    if left:
        docker("rm", "--force", "--volumes", *left)
    images.build_node(docker, engine_url)


@pytest.fixture(scope="session")
def agents_image(docker: Docker, node_image: None) -> str:
    images.build_agents(docker)
    return images.AGENTS


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.wheel(tmp_path_factory.mktemp("wheel"), __version__)


@pytest.fixture(scope="session")
def newer_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.wheel(tmp_path_factory.mktemp("newer"), NEWER)


@pytest.fixture(scope="module")
def machine(docker: Docker, node_image: None, wheel: Path) -> Iterator[Machine]:
    """Switch on the module's node, with the daemon installed and not started."""
    with closing(Machine(docker)) as machine:
        machine.load_images(*images.SERVICES)
        machine.install_paunchd(wheel, rollout=QUICK)
        yield machine
