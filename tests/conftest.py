"""What every test may ask for: an engine of the session's own, images for it, and an owner nobody else has."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "contrib" / "lab"))

import stub_image as stubs  # noqa: E402 - the lab is no package
from private_engine import LabError, PrivateEngine  # noqa: E402

from paunchd.engine import DockerEngine  # noqa: E402

STUB = "paunchd.test/stub:1"

Docker = Callable[..., str]


@pytest.fixture(scope="session", autouse=True)
def _spare_loop() -> Iterator[None]:
    """Have an event loop set: asking for it where none is makes one that pytest-asyncio never closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="session")
def lab() -> Iterator[PrivateEngine]:
    """Start one private engine for the session. Where there can be none, tests that need it fail: they must run."""
    try:
        with PrivateEngine() as engine:
            yield engine
    except LabError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def engine_url(lab: PrivateEngine) -> str:
    return lab.url


@pytest.fixture(scope="session")
def stub_image(engine_url: str) -> str:
    """Build an image whose default command runs on and ends at once when it is stopped."""
    stubs.build(engine_url, [STUB], stubs.Recipe(users=["nova"]))
    return STUB


@pytest.fixture
async def engine(engine_url: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(engine_url)
    yield engine
    await engine.close()


@pytest.fixture(scope="session")
def docker(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Docker:
    """Run the docker client against the session's engine and return what it prints; it fails loudly.

    *stdin* are bytes, or an open file.
    """
    settings = tmp_path_factory.mktemp("docker-config")
    environment = {**os.environ, "DOCKER_HOST": engine_url, "DOCKER_CONFIG": str(settings)}

    def run(*arguments: str, stdin: bytes | IO[bytes] = b"") -> str:
        given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        done = subprocess.run(["docker", *arguments], env=environment, capture_output=True, check=False, **given)
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode(errors="replace").strip()

    return run


@pytest.fixture
def owner(docker: Docker) -> Iterator[str]:
    """Give the test an owner of its own, and remove that owner's containers afterwards."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    left = docker("ps", "--all", "--quiet", "--filter", f"label=managed_by={name}").split()
    if left:
        docker("rm", "--force", "--volumes", *left)
