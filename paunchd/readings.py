"""Small questions to a Snapshot that the API, the metrics and the notify socket answer alike.

Pure. Nothing here knows how an answer is shown.
"""

from paunchd.reconcile.model import RESET_AFTER_SECONDS, Attempt, Health, Snapshot, State, Status
from paunchd.spec import Kind

FAILURES = frozenset({State.FAILED, State.ROLLED_BACK, State.PARKED})


def status_of(snapshot: Snapshot, name: str) -> Status:
    """Where *name* stands; unknown while the engine is away, whatever was seen last."""
    status = snapshot.plan.statuses.get(name) or Status(name, State.UNKNOWN, "not planned yet")
    if snapshot.engine != "ok":
        return Status(name, State.UNKNOWN, f"engine away: {snapshot.engine}", blocked_by=status.blocked_by)
    return status


def state_of(snapshot: Snapshot, name: str) -> State:
    return status_of(snapshot, name).state


def is_settled(snapshot: Snapshot, name: str) -> bool:
    return name not in snapshot.in_flight and status_of(snapshot, name).settled


def has_failed(snapshot: Snapshot, name: str) -> bool:
    """Whether the last word on *name* is a failure; one that is being acted on has no last word yet."""
    return name not in snapshot.in_flight and state_of(snapshot, name) in FAILURES


def recent_attempt(snapshot: Snapshot, name: str, now: float) -> Attempt | None:
    """Tell the newest try for *name* that did not simply work, unless ten minutes have been quiet since."""
    attempt = snapshot.history.of(name).newest_attempt
    return attempt if attempt and now - attempt.at < RESET_AFTER_SECONDS else None


def kind_of(snapshot: Snapshot, name: str) -> Kind:
    """Tell the declared kind, else what the container itself says it is."""
    item = snapshot.desired.items.get(name)
    if item is not None:
        return item.spec.kind
    kinds = [container.kind for container in snapshot.observed.of(name).containers]
    return Kind(kinds[0]) if kinds and kinds[0] in set(Kind) else Kind.CONTAINER


def config_of(snapshot: Snapshot, name: str) -> str | None:
    """Tell which config declares *name*, else which one its container was made for."""
    item = snapshot.desired.items.get(name)
    if item is not None:
        return item.config_id
    return next((container.config_id for container in snapshot.observed.of(name).containers), None)


def expected_names(snapshot: Snapshot) -> frozenset[str]:
    """Names that should be serving: declared, and of the kind that runs on."""
    items = snapshot.desired.items.values()
    return frozenset(item.name for item in items if item.spec.kind is Kind.CONTAINER)


def is_ready(snapshot: Snapshot, name: str) -> bool:
    """Whether something serves under *name*, whichever revision it is."""
    live = snapshot.observed.of(name).live
    if live is None or not live.running or live.health in (Health.STARTING, Health.UNHEALTHY):
        return False
    return state_of(snapshot, name) is not State.STARTING


def held_removals(snapshot: Snapshot) -> tuple[str, ...]:
    """Names no config declares any more whose removal waits to be confirmed; a hold is another matter."""
    undeclared = snapshot.plan.statuses.keys() - snapshot.desired.items.keys()
    held = (name for name in undeclared if state_of(snapshot, name) is State.HELD)
    return tuple(sorted(name for name in held if not snapshot.history.of(name).hold))


def broken_files(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(fault.path for config in snapshot.desired.configs.values() for fault in config.faults)


def names_of_config(snapshot: Snapshot, config_id: str) -> frozenset[str]:
    """Find what *config_id* declares, and what of it is still there although nothing declares it any more."""
    config = snapshot.desired.configs.get(config_id)
    declared = config.names if config else frozenset()
    left = {
        name
        for name, seen in snapshot.observed.names.items()
        if name not in snapshot.desired.items and any(c.config_id == config_id for c in seen.containers)
    }
    return declared | left
