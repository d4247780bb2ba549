"""What the metrics cost a pass and a scrape on a node of 500 names, in processor time: a busy machine shows less."""

import time
from timeit import repeat

from prometheus_client import CollectorRegistry

from paunchd.metrics import Metrics
from paunchd.reconcile.model import Seen, State, Status
from tests import snapshots

NAMES = 500
TIMES = 20


def milliseconds(call) -> float:
    return min(repeat(call, number=TIMES, repeat=9, timer=time.process_time)) / TIMES * 1e3


def test_a_node_of_many_names():
    """A pass pays little, and a scrape the rest, in a thread of its own."""
    names = [f"c{number:03d}" for number in range(NAMES)]
    snapshot = snapshots.snapshot(
        *(Status(name, State.RUNNING, settled=True) for name in names),
        items=[snapshots.item(name) for name in names],
        seen={name: Seen(live=snapshots.container(name)) for name in names},
    )
    metrics = Metrics(CollectorRegistry())
    metrics.update(snapshot)
    print(f"\nmetrics of {NAMES} names, a pass: {milliseconds(lambda: metrics.update(snapshot)):.2f} ms")
    text = metrics.text()
    print(f"  a scrape: {milliseconds(metrics.text):.1f} ms, {text.count(b'paunchd_')} lines, {len(text)} bytes")
