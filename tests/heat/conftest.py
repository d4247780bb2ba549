"""What the tests of Heat's side share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.heat.fake_daemon import FakeDaemon
from tests.heat.programs import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Make a node without a daemon."""
    return Place(tmp_path)


@pytest.fixture
async def daemon(place: Place) -> AsyncIterator[FakeDaemon]:
    """Have a daemon listen there that settles at once, unless told otherwise."""
    async with FakeDaemon().listening(place.socket) as daemon:
        yield daemon
