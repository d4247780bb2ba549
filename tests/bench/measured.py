"""How benches measure: from outside, by visitors of the service, and beside the engine's own calls."""

import os
import time
from collections.abc import Callable

from tests.functional.node import Node
from tests.load.visitors import Visitors, longest_outage

RATE = 200


def milliseconds(taken: list[float]) -> str:
    ordered = sorted(1000 * one for one in taken)
    p50, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {ordered[-1]:.0f} ms"


def load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def stop_and_start(node: Node) -> float:
    """The engine alone, with a container that is nobody's: stop it and start it again."""
    began = time.perf_counter()
    node.by_hand("POST", "bare", "stop")
    node.by_hand("POST", "bare", "start")
    return time.perf_counter() - began


def unreachable(node: Node, port: int, act: Callable[[], object]) -> float:
    """Seconds that *act* leaves the service at *port* without an answer."""
    with Visitors(port, RATE, node.directory / "visits") as visitors:
        node.eventually(visitors.answered_since)
        act()
        ended = time.time()
        node.eventually(lambda: visitors.answered_since(ended))
    return longest_outage(visitors.visits)
