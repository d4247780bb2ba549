"""Benches use the functional tests' nodes."""

from tests.functional.conftest import engine_side, make_node, node, started

__all__ = ["engine_side", "make_node", "node", "started"]
