"""What a crowd of readers gets from the API, and what it costs a rollout.

A thousand connections each ask for the list of a hundred containers once a second. The readers are a process of their
own, and how late that process itself was stands beside what they saw. Rollouts with them and without them alternate.
"""

import hashlib
import resource
import statistics
import time
from pathlib import Path

import pytest

from tests.bench.measured import load, milliseconds
from tests.functional.node import Node, service
from tests.load.readers import Readers
from tests.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

NAMES = 99
READERS = 1000
SECONDS = 20
ROUNDS = 10
FILES = 8192
QUICK = {"probation_seconds": 0, "min_healthy_seconds": 0}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def node(make_node, port) -> Node:
    """A node with a hundred containers, all proven, and the files that the unit gives the daemon."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    node = make_node(api__listen=[f"127.0.0.1:{port}"], reconcile__resync_seconds=10)
    node.write("many", {f"c{number:03d}": service(rollout=QUICK) for number in range(NAMES)})
    node.write("one", {"web": service(rollout=QUICK)})
    node.start()
    node.eventually(lambda: node.get("/v1/containers")["settled"], 300)
    node.proves()
    return node


def processor_seconds(node: Node) -> float:
    fields = Path(f"/proc/{node.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_how_soon_a_thousand_readers_are_answered(node, port, tmp_path):
    """With and without the tag of the list they have."""
    print(f"\n{READERS} readers of {NAMES + 1} containers, each once a second, for {SECONDS} s")
    for conditional in (False, True):
        with Readers(port, READERS, tmp_path / "readers", conditional=conditional) as readers:
            used = processor_seconds(node)
            time.sleep(SECONDS)
            used = processor_seconds(node) - used
        told = readers.told
        share = told.statuses["304"] / sum(told.statuses.values())
        print(f"{'with' if conditional else 'without'} If-None-Match: {milliseconds(told.seconds)}, {share:.0%} 304")
        print(f"  {dict(told.statuses)}, {told.cut_off} cut off, {len(told.seconds) / SECONDS:.0f} answers a second")
        print(f"  the readers' own loop was late by {milliseconds(told.late)}")
        print(f"  the daemon used {used / SECONDS:.0%} of a processor; {load()}")


def rollout(node: Node, version: str) -> float:
    """Seconds from a written file to the last thing that the engine tells of it."""
    began = time.time_ns()
    node.write("one", {"web": service(rollout=QUICK, environment={"V": version})})
    digest = hashlib.sha256((node.desired / "one.yaml").read_bytes()).hexdigest()
    settled = node.get(f"/v1/configs/one?wait=settled&digest={digest}&timeout_seconds=60")["settled"]
    assert settled
    node.eventually(lambda: node.actions("web")[-1] == "destroy")
    return (node.happenings("web")[-1].at - began) / 1e9


def test_what_a_thousand_readers_cost_a_rollout(node, port, tmp_path):
    """One without them and one with them, in turn."""
    alone, beside = [], []
    for number in range(ROUNDS):
        alone.append(rollout(node, f"alone {number}"))
        with Readers(port, READERS, tmp_path / "readers"):
            beside.append(rollout(node, f"beside {number}"))
    print(f"\na rollout alone: {milliseconds(alone)}, beside {READERS} readers: {milliseconds(beside)}")
    print(f"ratio of medians {statistics.median(beside) / statistics.median(alone):.2f}; {load()}")
