"""What a replacement costs those who use the service: requests lost, and how long it does not answer.

The service and its visitors are those of ``tests/load``: 200 requests a second, whether they are answered or not, each
with a connection of its own. Where nothing is served meanwhile, the figure stands beside the engine's own stop and
start of an equal container, measured by the same visitors in the same run.
"""

import statistics
from itertools import pairwise

import pytest

from tests.bench.measured import RATE, load, milliseconds, stop_and_start, unreachable
from tests.load.stage import make_bare, replaced_under_load, reserved_port, web
from tests.load.visitors import Visit

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]

SWITCHES = 100
ROUNDS = 25
AT_ONCE = {"probation_seconds": 0}


def report(visits: list[Visit]) -> None:
    lost = [visit for visit in visits if visit.fault]
    answered = sorted((visit for visit in visits if visit.answer), key=lambda visit: visit.ended)
    silence = max(after.ended - before.ended for before, after in pairwise(answered))
    seconds = max(visit.sent for visit in visits) - visits[0].due
    print(f"{len(visits)} requests in {seconds:.0f} s, {len(lost)} lost, {len({v.answer for v in answered})} versions")
    print(f"from a request to its answer: {milliseconds([visit.ended - visit.sent for visit in answered])}")
    print(f"later than due it was made by: {milliseconds([visit.sent - visit.due for visit in visits])}")
    print(f"longest time between two answers: {1000 * silence:.0f} ms; {load()}")
    for visit in lost[:10]:
        print(f"lost: {visit.fault}")


def test_requests_lost_while_start_first_replaces_the_service(make_node):
    """A hundred replacements in a row, and every request's fate."""
    node = make_node()
    node.start()
    visits = replaced_under_load(node, SWITCHES, RATE)
    done = node.metric('paunchd_rollouts_total{reason="config-changed"}')
    print(f"\nstart-first under {RATE} requests a second: {done:.0f} switches")
    report(visits)


def test_how_long_stop_first_leaves_the_service_unreachable(make_node):
    """One switch of ours and one stop and start by hand in turn, both seen from outside."""
    node = make_node()
    node.start()
    switched, by_hand, calls = [], [], []

    def rewrite(number: int, port: int) -> None:
        node.write("app", {"web": web(f"v{number}", port, rollout=AT_ONCE)})
        node.proves()

    with reserved_port() as port, reserved_port() as bare_port:
        make_bare(node, bare_port)
        rewrite(0, port)
        for number in range(1, ROUNDS + 1):
            switched.append(unreachable(node, port, lambda number=number: rewrite(number, port)))
            by_hand.append(unreachable(node, bare_port, lambda: calls.append(stop_and_start(node))))
    ratio = statistics.median(switched) / statistics.median(by_hand)
    print(f"\nunreachable in a stop-first switch: {milliseconds(switched)} over {ROUNDS} switches")
    print(f"unreachable in the engine's own stop and start: {milliseconds(by_hand)}")
    print(f"these two calls: {milliseconds(calls)}")
    print(f"ratio of medians {ratio:.2f}, of the worst {max(switched) / max(by_hand):.2f}; {load()}")
