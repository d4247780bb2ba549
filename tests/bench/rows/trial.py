"""What only we have: a bad version is taken back, and a switch in which nobody loses a request."""

import time
from dataclasses import replace
from typing import Any

from tests.bench.contenders.ours import Ours
from tests.bench.figures import OURS, AtMost, Row
from tests.bench.fleet import WEB, Service, served
from tests.bench.ground import Ground, say
from tests.bench.harness import alone
from tests.bench.measured import RATE
from tests.bench.rows.group import Book, Group
from tests.load.visitors import Visit, Visitors, longest_outage

TIMES = 10
PATIENCE_SECONDS = 60.0
DIES = ["sh", "-c", "exit 3"]

BACK = Row("rollback", "bad version: failed → the old one serving again")
BAD_GAP = Row("rollback-gap", "… unreachable from the stop of the old one until then")
BESIDE_GAP = Row("start-first", "unreachable in a start-first switch", limits=(AtMost(0),))
LOST = Row("start-first-lost", "… requests lost", unit="requests", limits=(AtMost(0),))


def measure(ground: Ground, book: Book) -> None:
    ours = Ours(ground)
    with served() as service, alone(ours):
        say(" a version that ends at once")
        ours.apply({WEB: service.definition})
        ours.settles()
        for number in range(ground.often(TIMES)):
            _take_back(ground, ours, service, number, book)
        say(" start-first")
        beside = replace(service, strategy="start-first", version=1)
        ours.apply({WEB: beside.definition})
        ours.settles()
        for _ in range(ground.often(TIMES)):
            beside = beside.next()
            visits = _visited(ground, ours, service.port, beside.definition, "running")
            book.add("start-first", OURS, longest_outage(visits))
            book.add("start-first-lost", OURS, len([visit for visit in visits if visit.fault]))


def _take_back(ground: Ground, ours: Ours, service: Service, number: int, book: Book) -> None:
    failing = {"command": DIES, "restart": "no", "rollout": {"probation_seconds": 600}}
    bad = {**service.definition, **failing, "environment": {"VERSION": f"bad{number}"}}
    began = time.time_ns()
    visits = _visited(ground, ours, service.port, bad, "rolled-back")
    failed = max(one.at for one in ours.node.happenings(WEB) if one.action == "die" and one.at > began) / 1e9
    book.add("rollback", OURS, min(visit.ended for visit in visits if visit.answer and visit.ended > failed) - failed)
    book.add("rollback-gap", OURS, longest_outage(visits))


def _visited(ground: Ground, ours: Ours, port: int, definition: dict[str, Any], state: str) -> list[Visit]:
    """Write *definition*, and have the service visited until it is in *state* and answers."""
    with Visitors(port, RATE, ground.directory / "visits") as visitors:
        ours.node.eventually(visitors.answered_since)
        ours.apply({WEB: definition})
        ours.node.eventually(lambda: ours.node.row(WEB)["state"] == state, PATIENCE_SECONDS)
        over = time.time()
        ours.node.eventually(lambda: visitors.answered_since(over), PATIENCE_SECONDS)
    return visitors.visits


GROUP = Group("trial", (BACK, BAD_GAP, BESIDE_GAP, LOST), measure)
