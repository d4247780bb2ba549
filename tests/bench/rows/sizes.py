"""Nothing changed, on a small node and on one that is larger than any."""

from tests.bench.contenders.bare import Bare
from tests.bench.contenders.compose import Compose
from tests.bench.contenders.ours import Ours
from tests.bench.contenders.paunch import Paunch
from tests.bench.figures import COMPOSE, ENGINE, PAUNCH, Beside, Row
from tests.bench.fleet import fleet_of
from tests.bench.ground import Ground, say
from tests.bench.harness import Contender, alone
from tests.bench.rows.group import Book, Group

SMALL, LARGE = 10, 500
TIMES = 20
FEW = 5

ROWS = tuple(
    Row(f"unchanged-{count}", f"nothing changed, {count} containers", limits=limits)
    for count, limits in (
        (SMALL, (Beside(ENGINE, 1.5), Beside(COMPOSE, 1 / 5), Beside(PAUNCH, 1 / 5))),
        (LARGE, (Beside(ENGINE, 1.5), Beside(COMPOSE, 1 / 5))),
    )
)


def measure(ground: Ground, book: Book) -> None:
    """The engine lists the very containers of ours, in turn with our passes."""
    for count in (SMALL, LARGE):
        row = f"unchanged-{count}"
        ours, bare = Ours(ground), Bare(ground)
        with alone(ours):
            say(f" {ours.name} brings up {count}")
            ours.apply(fleet_of(count))
            ours.settles()
            for _ in range(ground.often(TIMES)):
                book.add(row, ours.name, ours.again())
                book.add(row, bare.name, bare.again())
        for other in _others(ground, count):
            with alone(other):
                say(f" {other.name} brings up {count}")
                other.apply(fleet_of(count))
                book.add(row, other.name, *(other.again() for _ in range(ground.often(FEW))))
    if Paunch.is_here():
        book.note(f"paunch is left out at {LARGE} containers: it would take several minutes to bring them up.")


def _others(ground: Ground, count: int) -> list[Contender]:
    kinds = (Compose, Paunch) if count <= SMALL else (Compose,)
    return [kind(ground) for kind in kinds if kind.is_here()]


GROUP = Group("sizes", ROWS, measure)
