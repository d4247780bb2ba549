"""A hundred containers: from nothing, unchanged, one changed, one removed by hand, all changed.

Each contender has the engine to itself for one such story, and they take turns. A container's state is seen from
outside: the web server among them is visited 200 times a second while it is replaced.
"""

import time

from tests.bench.contenders.bare import Bare
from tests.bench.contenders.compose import Compose
from tests.bench.contenders.ours import Ours
from tests.bench.contenders.paunch import Paunch
from tests.bench.figures import COMPOSE, ENGINE, OURS, PAUNCH, RESTART, Beside, Row
from tests.bench.fleet import WEB, Service, fleet_of, served
from tests.bench.ground import Ground, say
from tests.bench.harness import Contender, alone, turns
from tests.bench.measured import RATE
from tests.bench.rows.group import Book, Group
from tests.functional.node import PATIENCE_SECONDS
from tests.load.visitors import Visitors, longest_outage

COUNT = 100
ROUNDS = 2
AGAINS = {OURS: 20, ENGINE: 20, COMPOSE: 10, PAUNCH: 2}
CHANGES = {OURS: 8, ENGINE: 8, COMPOSE: 8, PAUNCH: 2}
REMOVALS = 5

UNCHANGED = Row(
    "unchanged-100",
    "nothing changed, 100 containers",
    limits=(Beside(ENGINE, 1.5), Beside(COMPOSE, 1 / 5), Beside(PAUNCH, 1 / 100)),
)
COLD = Row(
    "cold-100",
    "cold start of 100",
    limits=(Beside(ENGINE, 1.1), Beside(COMPOSE, 1), Beside(PAUNCH, 1 / 3)),
)
ONE = Row(
    "one",
    "one of 100 changes: file written → new one serving",
    limits=(Beside(RESTART, 1.15), Beside(COMPOSE, 1)),
)
GAP = Row("gap", "… of that unreachable", limits=(Beside(RESTART, 1.1),))
REMOVED = Row("removed", "removed by hand → running again", limits=(Beside(ENGINE, 1, plus=0.3),))
ALL = Row("all", "100 of 100 change", limits=(Beside(ENGINE, 1.15),))


def measure(ground: Ground, book: Book) -> None:
    bare = Bare(ground)
    contenders: list[Contender] = [Ours(ground), bare]
    contenders += [kind(ground) for kind in (Compose, Paunch) if kind.is_here()]
    with served() as service:
        for number, contender in turns(contenders, ground.often(ROUNDS)):
            say(f" round {number + 1}, {contender.name}")
            with alone(contender):
                _story(ground, contender, service, book)
    book.note(f"The bare engine did best with {bare.at_once} calls at a time.")


def _story(ground: Ground, contender: Contender, service: Service, book: Book) -> None:
    name = contender.name
    book.add("cold-100", name, contender.apply(fleet_of(COUNT, service=service)))
    if isinstance(contender, Ours):
        contender.settles()
    for _ in range(ground.often(AGAINS[name])):
        book.add("unchanged-100", name, contender.again())
    for _ in range(ground.often(CHANGES[name])):
        service = service.next()
        _change(ground, contender, service, book)
    for number in range(ground.often(REMOVALS)):
        if isinstance(contender, Ours | Bare):
            book.add("removed", name, _remove(contender, f"c{number:03d}"))
    book.add("all", name, contender.apply(fleet_of(COUNT, 1, service.next())))


def _change(ground: Ground, contender: Contender, service: Service, book: Book) -> None:
    with Visitors(service.port, RATE, ground.directory / "visits") as visitors:
        _wait(visitors)
        began = time.time()
        contender.change(fleet_of(COUNT, service=service))
        _wait(visitors, time.time())
    new = [visit.ended for visit in visitors.visits if visit.answer == service.answer]
    book.add("one", contender.name, min(new) - began)
    book.add("gap", contender.name, longest_outage(visitors.visits))
    match contender:
        case Ours():
            contender.settles()
        case Bare():
            _restart(ground, contender, service, book)


def _restart(ground: Ground, bare: Bare, service: Service, book: Book) -> None:
    """The least that any change costs: the same container stopped and started, seen by the same visitors."""
    with Visitors(service.port, RATE, ground.directory / "visits") as visitors:
        _wait(visitors)
        began = time.time()
        bare.restart(WEB)
        _wait(visitors, time.time())
    lost = max(visit.ended for visit in visitors.visits if visit.fault)
    book.add(
        "one", RESTART, min(visit.ended for visit in visitors.visits if visit.answer and visit.ended > lost) - began
    )
    book.add("gap", RESTART, longest_outage(visitors.visits))


def _wait(visitors: Visitors, moment: float = 0.0) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not visitors.answered_since(moment):
        if time.monotonic() > deadline:
            raise AssertionError("nobody answers")
        time.sleep(0.03)


def _remove(contender: Ours | Bare, name: str) -> float:
    if isinstance(contender, Bare):
        return contender.make_again(name)
    began = time.time_ns()
    contender.node.engine.call("DELETE", f"/containers/{name}?force=1")
    (gone,) = contender.moments("destroy", [name], began)
    (back,) = contender.moments("start", [name], gone)
    return (back - gone) / 1e9


GROUP = Group("fleet", (COLD, UNCHANGED, ONE, GAP, REMOVED, ALL), measure)
