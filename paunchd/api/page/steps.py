"""The node's steps, each with its names, and who waits for whom.

Pure.
"""

from dataclasses import dataclass

from paunchd import readings
from paunchd.reconcile.model import Snapshot


@dataclass(frozen=True, slots=True)
class Place:
    """One name in its step. *needs*: what it depends on by its definition; *waits_for*: who blocks it now."""

    name: str
    state: str
    needs: tuple[str, ...]
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """*number* ``None``: waits for no step."""

    number: int | None
    places: tuple[Place, ...]
    settled: bool


def steps(snapshot: Snapshot) -> list[Step]:
    """Return every step that something is declared for, in order, and last what has none or is no longer declared."""
    numbers = {name: _step_of(snapshot, name) for name in sorted(snapshot.plan.statuses)}
    order = sorted({number for number in numbers.values() if number is not None})
    found = [_step(snapshot, number, numbers) for number in (*order, None)]
    return [step for step in found if step.places]


def _step_of(snapshot: Snapshot, name: str) -> int | None:
    item = snapshot.desired.items.get(name)
    return item.step if item else None


def _step(snapshot: Snapshot, number: int | None, numbers: dict[str, int | None]) -> Step:
    names = [name for name, step in numbers.items() if step == number]
    settled = all(readings.is_settled(snapshot, name) for name in names)
    return Step(number, tuple(_place(snapshot, name) for name in names), settled)


def _place(snapshot: Snapshot, name: str) -> Place:
    status, item = readings.status_of(snapshot, name), snapshot.desired.items.get(name)
    needs = tuple(f"{one.name} {one.condition}" for one in item.spec.depends_on) if item else ()
    return Place(name, status.state.value, needs, status.blocked_by)
