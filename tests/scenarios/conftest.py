"""What scenarios share: a node behind a proxy, and the certainty that each looked at its invariants."""

from collections.abc import Iterator

import pytest

from tests.functional.conftest import engine_side, make_node
from tests.functional.proxy import Proxy
from tests.scenarios.scenario import Scenario

__all__ = ["engine_side", "make_node"]


@pytest.fixture
def scenario(tmp_path, engine_side, make_node) -> Iterator[Scenario]:
    """Begin a scenario whose daemon is not started yet; it must end with ``holds``."""
    with Proxy(engine_side.socket_path, tmp_path / "engine.sock") as proxy:
        node = make_node(engine__url=f"unix://{proxy.path}")
        proxy.kill = node.kill9
        told = Scenario(node, proxy)
        yield told
        assert told.over, "the scenario did not look at its invariants"
