"""What all unit tests share."""

import asyncio
from contextlib import closing

import pytest

from paunchd.store import Store
from tests.unit.desired import Node
from tests.unit.world import World, running


@pytest.fixture(scope="session", autouse=True)
def _loop_that_gets_closed():
    """Looptime asks for the current event loop in every test, also in plain ones, where that makes one for ever."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()


@pytest.fixture
def node(tmp_path):
    directory = tmp_path / "desired"
    directory.mkdir()
    return Node(directory)


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "state.db")) as store:
        yield store


@pytest.fixture
async def world(store):
    async with running(World(store)) as world:
        yield world
