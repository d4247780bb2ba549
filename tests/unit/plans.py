"""What a pass makes of hand-made facts, and the memories it reads; a plan is compared by its text."""

from paunchd.reconcile.model import Attempt, Plan, State, Status, Trial
from paunchd.reconcile.plan import plan
from tests.unit.places import NOW, RULES, facts


def planned(*args, rules=RULES, **more) -> Plan:
    return plan(facts(*args, **more), rules)


def standing(name, *args, **more) -> Status:
    """Where *name* stands; see ``planned`` for the rest."""
    return planned(*args, **more).statuses[name]


def trial(of, since=NOW, **fields) -> Trial:
    """The trial of container *of*, steady since it was first seen unless said otherwise."""
    fields.setdefault("steady_since", since)
    return Trial(of.id, since, started_at=of.details.started_at, **fields)


def attempt(revision, next_at=NOW + 4, error="cannot do it", **fields) -> Attempt:
    return Attempt(revision, failures=fields.pop("failures", 1), at=NOW - 1, next_at=next_at, error=error, **fields)


def begun(made) -> list[str]:
    """The names whose lanes begin in this pass."""
    return sorted(lane.name for lane in made.lanes)


def blocked(made) -> dict[str, tuple[str, ...]]:
    """Who is blocked, and by whom."""
    return {name: status.blocked_by for name, status in made.statuses.items() if status.state is State.BLOCKED}
