"""What tests of the API share."""

import pytest

from tests import snapshots
from tests.api.serving import serving


@pytest.fixture
async def api(tmp_path):
    async with serving(tmp_path) as running:
        running.board.publish(snapshots.troubled())
        yield running
