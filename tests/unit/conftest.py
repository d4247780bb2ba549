"""What all unit tests share."""

import asyncio

import pytest

from tests.unit.desired import Node


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
