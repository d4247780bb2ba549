"""What a pass costs when nothing has changed, and how soon a changed file reaches the engine.

Each figure stands beside one of the bare engine, taken in the same run: on a shared machine only the ratio means much.
"""

import statistics
import time

import pytest

from tests.functional.node import Node, service

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

NAMES = 100
PASSES = 30
CHANGES = 10


def idle(**keys: object) -> dict[str, object]:
    return service(command=["sleep", "1000000"], stop_signal="SIGKILL", **keys)


def milliseconds(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds) * 1e3:.1f} ms, worst {max(seconds) * 1e3:.1f} ms"


def bare_list(node: Node) -> float:
    began = time.perf_counter()
    node.engine.call("GET", "/containers/json?all=1")
    return time.perf_counter() - began


def test_a_pass_over_unchanged_containers(make_node):
    """A pass over a hundred unchanged containers makes one list call and no inspect."""
    node = make_node(reconcile__resync_seconds=3600, rollout__min_healthy_seconds=0)
    node.write("many", {f"c{number:03d}": idle() for number in range(NAMES)})
    began = time.perf_counter()
    node.start()
    node.proves()
    print(f"\n{NAMES} containers up and settled: {time.perf_counter() - began:.1f} s")

    node.passes(3)
    time.sleep(1)
    names = ("paunchd_pass_duration_seconds_sum", "paunchd_pass_duration_seconds_count")
    before = [*map(node.metric, names), node.calls("list"), node.calls("inspect")]
    bare = []
    for _ in range(PASSES):
        node.passes(1)
        bare.append(bare_list(node))
    after = [*map(node.metric, names), node.calls("list"), node.calls("inspect")]
    seconds, passes, lists, inspects = (b - a for a, b in zip(before, after, strict=True))
    mean = seconds / passes
    print(f"a pass over {NAMES} unchanged: mean {mean * 1e3:.1f} ms over {passes:.0f} passes")
    print(f"  {lists / passes:g} list calls and {inspects / passes:g} inspects a pass")
    print(f"a bare list call from the test, parsed: {milliseconds(bare)}")
    print(f"ratio pass : bare list = {mean / statistics.median(bare):.2f}")

    began = time.perf_counter()
    node.restart()
    print(f"daemon stopped, started and ready with {NAMES} running: {time.perf_counter() - began:.2f} s")


def test_from_a_renamed_file_to_the_engine(make_node):
    """A file renamed into place reaches the engine's first change soon."""
    node = make_node(reconcile__debounce_seconds=0.1, reconcile__resync_seconds=3600)
    node.write("others", {f"c{number:03d}": idle() for number in range(20)})
    node.start()
    node.write("one", {"web": idle(environment={"V": "0"})})
    node.proves()
    delays = []
    for number in range(1, CHANGES + 1):
        renamed = time.time_ns()
        node.write("one", {"web": idle(environment={"V": str(number)})})
        node.proves()
        created = [one.at for one in node.happenings("web") if one.action == "create" and one.at > renamed]
        delays.append((created[0] - renamed) / 1e9)
    print(f"\nfrom a file written to the engine's create event: {milliseconds(delays)}")
