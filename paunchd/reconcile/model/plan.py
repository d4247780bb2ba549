"""What is to be done, where everyone stands, and what a pass leaves for the outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from paunchd.reconcile.model.content import Content
from paunchd.reconcile.model.desired import Desired
from paunchd.reconcile.model.history import History
from paunchd.reconcile.model.observed import Observed
from paunchd.reconcile.model.steps import Accept, RecordTask, Reject, Step


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: *code* is from a closed set (it labels metrics), *detail* is for people."""

    code: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.code} ({self.detail})" if self.detail else self.code


@dataclass(frozen=True, slots=True)
class Lane:
    """The steps for one name, in order.

    *revision* is what they lead to (empty for removals). *ids* maps the engine names of now to container ids, so
    that no step can touch a container that took a name since. *repair*: brings back what was good already.
    """

    name: str
    reason: Reason
    steps: tuple[Step, ...]
    revision: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    repair: bool = False

    @property
    def only_records(self) -> bool:
        """Whether the engine is afterwards as it was before. (That files were read is never recorded alone.)"""
        return all(isinstance(step, (RecordTask, Accept, Reject)) for step in self.steps)

    @property
    def accepted(self) -> frozenset[str]:
        """The names whose revision becomes the good one by it."""
        accepts = (step for step in self.steps if isinstance(step, Accept))
        return frozenset(one.name for accept in accepts for one in (accept, *accept.others))

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.reason}", *(f"  {step}" for step in self.steps)])


class State(StrEnum):
    """The closed set of states a person sees."""

    RUNNING = "running"
    PROVING = "proving"
    STARTING = "starting"
    PREPARING = "preparing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    BLOCKED = "blocked"
    WAITING = "waiting"
    HELD = "held"
    PARKED = "parked"
    CONFLICT = "conflict"
    BROKEN = "broken"
    REMOVING = "removing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Status:
    """Where one name stands, and why. *settled*: nothing is left to do or to wait for. *until*: look again then."""

    name: str
    state: State
    reason: str = ""
    settled: bool = False
    blocked_by: tuple[str, ...] = ()
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, where everyone stands, and when to look again at the latest."""

    lanes: tuple[Lane, ...]
    statuses: Mapping[str, Status]
    look_again_at: float | None = None

    def __str__(self) -> str:
        return "\n".join(str(lane) for lane in self.lanes)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a pass leaves for everybody who asks: the API, the metrics, the notify socket.

    *observed_generation* is the generation of the desired snapshot last planned with. *engine* is ``ok`` or why it is
    away (then everything else is as last seen). *in_flight* maps a name to the lane being carried out, *doing* to its
    current step. *since* maps a name to the wall-clock time (seconds since the epoch) its state began. *wall_offset*
    turns a monotonic time into a wall-clock one by addition.
    """

    desired: Desired
    observed: Observed
    history: History
    plan: Plan
    observed_generation: int = 0
    engine: str = "ok"
    in_flight: Mapping[str, Lane] = field(default_factory=dict)
    doing: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, float] = field(default_factory=dict)
    wall_offset: float = 0.0
    contents: Mapping[str, Content] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Nothing is left to do or to wait for, on a node whose engine and directory can be read."""
        return (
            self.engine == "ok"
            and not self.desired.degraded
            and not self.in_flight
            and not self.plan.lanes
            and all(status.settled for status in self.plan.statuses.values())
        )
