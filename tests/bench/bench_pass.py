"""How soon a changed file reaches the engine; what a pass costs is in the table of ``make bench``."""

import statistics
import time

import pytest

from tests.functional.node import service

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

CHANGES = 10


def idle(**keys: object) -> dict[str, object]:
    return service(command=["sleep", "1000000"], stop_signal="SIGKILL", **keys)


def milliseconds(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds) * 1e3:.1f} ms, worst {max(seconds) * 1e3:.1f} ms"


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
