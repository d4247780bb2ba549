"""What one name wants, before anybody asks whether it is its turn.

Pure. Containers, tasks, execs and removals all come to an ``Outlook``; ``order`` and ``plan`` read nothing else.
"""

from dataclasses import dataclass

from paunchd.reconcile.model import (
    Accept,
    Attempt,
    Create,
    Past,
    Reason,
    Reject,
    Rename,
    Seen,
    State,
    Status,
    Step,
)
from paunchd.reconcile.verdict import Verdict

NOTHING = Reason("none")


@dataclass(frozen=True, slots=True)
class Outlook:
    """*status* is where the name stands if none of *steps* begins now.

    *turn*: the steps bring something new, so they wait for what comes before; repair and rollback never do. *started*,
    *healthy*, *completed*: what the names behind this one may count on, at the desired revision. *replaces*: a good
    revision is being replaced, so the next step of the node waits for health (behaviour, section 5). *verdict*: of the
    container on trial, for its group.
    """

    name: str
    status: Status
    steps: tuple[Step, ...] = ()
    reason: Reason = NOTHING
    revision: str = ""
    turn: bool = False
    repair: bool = False
    started: bool = False
    healthy: bool = False
    completed: bool = False
    replaces: bool = False
    verdict: Verdict | None = None


def backing_off(attempt: Attempt | None, revision: str, steps: tuple[Step, ...], now: float) -> Attempt | None:
    """Return the newest try at *revision* while its back-off is not over. Records are never put off."""
    if attempt is None or attempt.hash != revision or not steps or isinstance(steps[0], (Accept, Reject)):
        return None
    return attempt if now < attempt.next_at else None


def in_the_way(seen: Seen, steps: tuple[Step, ...]) -> str:
    """The first foreign container whose name *steps* would need, or nothing."""
    for step in steps:
        needed = step.engine_name if isinstance(step, Create) else step.to if isinstance(step, Rename) else ""
        if needed in seen.foreign:
            return needed
    return ""


def obstacle(name: str, seen: Seen, past: Past, steps: tuple[Step, ...]) -> Status | None:
    """Why *steps* must not begin although their turn has come: a foreign container, or an operator's hold."""
    foreign = in_the_way(seen, steps)
    if foreign:
        return Status(
            name,
            State.CONFLICT,
            f"a container that is not ours has the name {foreign}; remove or rename it, and this goes on by itself",
        )
    if past.hold and steps:
        return Status(name, State.HELD, f"held by an operator; `paunchctl release {name}` lets it go on")
    return None


def put_off(name: str, attempt: Attempt) -> Status:
    """Say when *name* is tried again; what the engine refuses outright is a failure meanwhile."""
    state = State.FAILED if attempt.refused else State.WAITING
    return Status(name, state, attempt.error, until=attempt.next_at)
