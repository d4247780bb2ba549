"""What no config declares any more is removed, in reverse order, unless that would be suspiciously much.

Pure (behaviour, section 9). Volumes and images stay.
"""

from paunchd.reconcile.model import Facts, Reason, Rules, Seen, State, Status
from paunchd.reconcile.once import away
from paunchd.reconcile.outlook import Outlook, backing_off, obstacle


def removals(facts: Facts, rules: Rules) -> list[Outlook]:
    """Return an outlook for each orphaned name."""
    desired = facts.desired
    orphaned = {
        name: seen for name, seen in facts.observed.names.items() if seen.containers and name not in desired.items
    }
    kept = {name: status for name, seen in orphaned.items() if (status := _kept(name, seen, facts))}
    leaving = {name: seen for name, seen in orphaned.items() if name not in kept}
    held = _guarded(leaving, facts, rules)
    ranks = {name: facts.history.of(name).rank for name in leaving if name not in held}
    last = max(ranks.values(), default=(0, 0))
    behind = tuple(sorted(name for name, rank in ranks.items() if rank == last))
    return [
        *(Outlook(name, status) for name, status in {**kept, **held}.items()),
        *(_removal(name, leaving[name], facts, behind if ranks[name] != last else ()) for name in ranks),
    ]


def _kept(name: str, seen: Seen, facts: Facts) -> Status | None:
    """Absent and unreadable are two things: what may only be unreadable stays."""
    desired = facts.desired
    if name in desired.protected:
        return Status(name, State.CONFLICT, desired.protected[name])
    if desired.degraded:
        return Status(name, State.HELD, f"not removed: {desired.degraded}")
    for container in seen.containers:
        if container.config_id in desired.broken_configs:
            return Status(name, State.BROKEN, f"not removed: the file of {container.config_id} is broken")
    return None


def _guarded(leaving: dict[str, Seen], facts: Facts, rules: Rules) -> dict[str, Status]:
    """Held as a whole: more than a number and more than a share of all that is ours."""
    unconfirmed = [name for name in leaving if name not in facts.history.confirmed]
    ours = sum(1 for seen in facts.observed.names.values() if seen.containers)
    if len(unconfirmed) <= rules.removal_count or len(unconfirmed) <= rules.removal_fraction * ours:
        return {}
    reason = (
        f"{len(unconfirmed)} of {ours} containers would be removed at once; "
        "bring their files back, or `paunchctl confirm-removals`"
    )
    return {name: Status(name, State.HELD, reason) for name in unconfirmed}


def _removal(name: str, seen: Seen, facts: Facts, behind: tuple[str, ...]) -> Outlook:
    past = facts.history.of(name)
    steps = tuple(step for container in seen.containers for step in away(container))
    status = obstacle(name, seen, past, steps)
    attempt = backing_off(past.attempt, "", steps, facts.now)
    if status is None and attempt:
        status = Status(name, State.REMOVING, attempt.error, until=attempt.next_at)
    if status is None and behind:
        status = Status(name, State.REMOVING, "orphaned; what came after it goes first", blocked_by=behind)
    if status:
        return Outlook(name, status)
    return Outlook(name, Status(name, State.REMOVING, "orphaned"), steps, Reason("orphaned"))
