"""What functional tests share: nodes with the real daemon on the session's real engine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.functional.engine_side import EngineSide
from tests.functional.node import Node


@pytest.fixture(scope="session")
def engine_side(engine_url: str, stub_image: str) -> EngineSide:
    return EngineSide(engine_url.removeprefix("unix://"))


@pytest.fixture
def make_node(tmp_path: Path, engine_side: EngineSide, owner: str) -> Iterator[Callable[..., Node]]:
    """Make a node with settings of its own; it is closed after the test."""
    with ExitStack() as nodes:

        def make(**settings: Any) -> Node:
            return nodes.enter_context(closing(Node(tmp_path, engine_side, owner, **settings)))

        yield make


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    """Make a node whose daemon is not started yet."""
    return make_node()


@pytest.fixture
def started(node: Node) -> Node:
    """Make a node whose daemon runs and has an empty desired directory."""
    node.start()
    return node
