"""The nouns of a pass, as frozen values.

Pure: this module and everything it imports knows no clock, no file and no engine. Times named *now*, *since*, *at* or
*until* are seconds of a monotonic clock; their zero means nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from paunchd.spec import ContainerSpec, Limits, RestartPolicy

# --- desired: what the directory declares -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """One declared name, ready to be compared.

    *kept_because* is empty for a definition just read; else it says why an older understanding of it is used (its
    file is broken now, another file claims the name, the directory cannot be read).
    """

    name: str
    config_id: str
    step: int | None
    spec: ContainerSpec
    hash: str
    path: str = ""
    kept_because: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file is broken. *line* and *column* count from 1; 0 where the reason has no place in the text."""

    path: str
    reason: str
    line: int = 0
    column: int = 0
    key: str = ""

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        key = f" at {self.key}" if self.key else ""
        return f"{self.path}{place}{key}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Config:
    """What is known of one config_id. *digest* is sha256 (hex) of its file's bytes, of the sorted digests for many."""

    config_id: str
    digest: str
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Desired:
    """One snapshot of the directory.

    *generation* grows when the content changes. *protected* maps a name that must not be touched to the reason (two
    files claim it and neither did before). *degraded* is empty, or why the directory cannot be read: then the items
    are those last understood, and nothing is removed.
    """

    generation: int
    items: Mapping[str, Item]
    configs: Mapping[str, Config] = field(default_factory=dict)
    protected: Mapping[str, str] = field(default_factory=dict)
    degraded: str = ""

    @property
    def broken_configs(self) -> frozenset[str]:
        return frozenset(config.config_id for config in self.configs.values() if config.faults)


# --- observed: what the engine reports ----------------------------------------------------------------------------


class ContainerState(StrEnum):
    """The engine's own words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(StrEnum):
    """What the engine's own health check says; ``NONE`` where the container has none."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the engine's list, ours or not. *image* is an id instead of a name once its tag has moved."""

    id: str
    engine_name: str
    image: str
    image_id: str
    labels: Mapping[str, str]
    state: ContainerState
    health: Health


@dataclass(frozen=True, slots=True)
class Details:
    """What only an inspect tells. *started_at* is the engine's time stamp, compared for equality and shown, no more."""

    restart: RestartPolicy
    limits: Limits
    restart_count: int
    exit_code: int
    oom_killed: bool
    error: str
    started_at: str
    finished_at: str
    health_output: str = ""


class Slot(StrEnum):
    """Which of its three engine names an owned container has; ``STRAY``: none of them, somebody renamed it."""

    LIVE = ""
    NEXT = ".next"
    PREV = ".prev"
    STRAY = "stray"


def engine_name(name: str, slot: Slot) -> str:
    assert slot is not Slot.STRAY
    return name + slot.value


@dataclass(frozen=True, slots=True)
class Container:
    """One owned container. *details* may be older than the rest while nothing hangs on them (see ``observe``)."""

    id: str
    engine_name: str
    name: str
    slot: Slot
    config_id: str
    hash: str
    kind: str
    restart: str
    image: str
    image_id: str
    state: ContainerState
    health: Health
    details: Details

    @property
    def running(self) -> bool:
        return self.state in (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)


@dataclass(frozen=True, slots=True)
class Probe:
    """The newest result of running a container's health test ourselves."""

    passed: bool
    output: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the engine has under one declared name. *foreign*: engine names of ours that others have."""

    live: Container | None = None
    next: Container | None = None
    prev: Container | None = None
    strays: tuple[Container, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def containers(self) -> tuple[Container, ...]:
        return tuple(c for c in (self.live, self.next, self.prev) if c) + self.strays


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at the engine. *names* holds every name with an owned container or a foreign one in its place."""

    names: Mapping[str, Seen]
    probes: Mapping[str, Probe] = field(default_factory=dict)

    def of(self, name: str) -> Seen:
        return self.names.get(name, Seen())


# --- history: what the engine cannot tell -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Revision:
    """One spec of a name. *spec* is ``None`` when only its hash is known (the store was lost)."""

    hash: str
    spec: ContainerSpec | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a task or exec ended. *attempts* counts runs of this very hash since it changed or ``retry`` was asked.

    *container_id* is the container that ended so (a task's): another one at the same hash is the next attempt.
    """

    succeeded: bool
    exit_code: int
    cause: str = ""
    attempts: int = 1
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The newest try to reach revision *hash* that did not simply work. Memory only: a restart tries at once.

    *refused*: the engine rejected the spec itself. *next_at*: not before. *at*: when it was made.
    """

    hash: str
    failures: int
    at: float
    next_at: float
    error: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """What is remembered of one started container while it proves itself. Memory only.

    *since*: first seen started. *steady_since*: the same, but newer after each restart. *started_at* and
    *restart_count*: the engine's, as last seen. *restarts*: how often it has restarted since. *healthy_at*: ``None``
    until it was healthy.
    """

    container_id: str
    since: float
    steady_since: float
    started_at: str
    restart_count: int = 0
    restarts: int = 0
    healthy_at: float | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """All that is remembered of one name.

    *known*: the store has heard of the name (else it was lost, or the name is new). *rank*: its newest step and
    start order, for taking it down in reverse. *rejected* and *results* map a
    revision's hash (an exec's: ``hash@target hash``) to the cause and the outcome.
    """

    known: bool = False
    rank: tuple[int, int] = (0, 0)
    good: Revision | None = None
    rejected: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)
    hold: bool = False
    attempt: Attempt | None = None
    trial: Trial | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """*confirmed*: names whose removal an operator confirmed against the guard."""

    names: Mapping[str, Past] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()

    def of(self, name: str) -> Past:
        return self.names.get(name, Past())


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a pass decides from. *in_flight*: names whose lane is being carried out right now."""

    desired: Desired
    observed: Observed
    history: History
    in_flight: frozenset[str]
    now: float


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decisions depend on; seconds, counts and a share of 0 to 1. Set them from ``Settings``."""

    min_healthy_seconds: float
    healthy_deadline_seconds: float
    probation_seconds: float
    max_restarts: int
    between_steps: str
    removal_count: int
    removal_fraction: float


# --- plan: what is to be done -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pull:
    image: str
    always: bool = False

    def __str__(self) -> str:
        return f"pull {self.image}" + (" always" if self.always else " unless present")


@dataclass(frozen=True, slots=True)
class CheckSources:
    """Every bind source must exist before anything is stopped; the engine would make directories of them (T-047)."""

    name: str
    sources: tuple[str, ...]

    def __str__(self) -> str:
        return f"check {len(self.sources)} bind sources of {self.name}"


@dataclass(frozen=True, slots=True)
class Create:
    engine_name: str
    name: str
    config_id: str
    revision: str
    spec: ContainerSpec

    def __str__(self) -> str:
        return f"create {self.engine_name} from {self.spec.image}"


@dataclass(frozen=True, slots=True)
class Start:
    engine_name: str

    def __str__(self) -> str:
        return f"start {self.engine_name}"


@dataclass(frozen=True, slots=True)
class Stop:
    """With the container's own stop signal and grace period."""

    engine_name: str

    def __str__(self) -> str:
        return f"stop {self.engine_name}"


@dataclass(frozen=True, slots=True)
class Kill:
    engine_name: str
    cause: str

    def __str__(self) -> str:
        return f"kill {self.engine_name}: {self.cause}"


@dataclass(frozen=True, slots=True)
class Unpause:
    engine_name: str

    def __str__(self) -> str:
        return f"unpause {self.engine_name}"


@dataclass(frozen=True, slots=True)
class Remove:
    engine_name: str

    def __str__(self) -> str:
        return f"remove {self.engine_name}"


@dataclass(frozen=True, slots=True)
class Rename:
    """*verb* is ``promote`` (next to live), ``retire`` (live to prev) or ``restore`` (prev or stray to live)."""

    engine_name: str
    to: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.engine_name} {'as' if self.verb == 'retire' else 'to'} {self.to}"


@dataclass(frozen=True, slots=True)
class Update:
    """Change in place what needs no new container. ``None``: leave as it is."""

    engine_name: str
    restart: RestartPolicy | None = None
    limits: Limits | None = None

    def __str__(self) -> str:
        parts = [f"restart={self.restart}"] if self.restart else []
        parts += [str(self.limits)] if self.limits else []
        return f"update {self.engine_name} ({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class RunExec:
    """Run *spec*'s command inside the live container of *target*; *key* is where its result is kept."""

    name: str
    target: str
    container_id: str
    key: str
    spec: ContainerSpec

    def __str__(self) -> str:
        return f"exec {self.name} in {self.target}"


@dataclass(frozen=True, slots=True)
class RecordTask:
    """Store how the task in *engine_name* ended, with its output. *cause* is empty where its exit code says it all."""

    engine_name: str
    name: str
    revision: str
    exit_code: int
    succeeded: bool
    cause: str = ""

    def __str__(self) -> str:
        return f"record {self.name} as {'succeeded' if self.succeeded else 'failed'} (exit code {self.exit_code})"


@dataclass(frozen=True, slots=True)
class Accept:
    """Record that *revision* is the good one from now on. *spec*: ``None`` where only the hash is known."""

    name: str
    revision: str
    spec: ContainerSpec | None

    def __str__(self) -> str:
        return f"accept {short(self.revision)} as the good revision of {self.name}"


@dataclass(frozen=True, slots=True)
class Reject:
    """Record *revision* as rejected, with evidence from *engine_name*, before anything is done about it.

    *code* is the verdict's, from a closed set.
    """

    name: str
    revision: str
    code: str
    cause: str
    engine_name: str

    def __str__(self) -> str:
        return f"reject {short(self.revision)} of {self.name}: {self.cause}"


Step = (
    Pull
    | CheckSources
    | Create
    | Start
    | Stop
    | Kill
    | Unpause
    | Remove
    | Rename
    | Update
    | RunExec
    | RecordTask
    | Accept
    | Reject
)


def short(revision: str) -> str:
    """The first twelve digits of a hash, behind its scheme: enough for people."""
    scheme, colon, digits = revision.partition(":")
    return f"{scheme}{colon}{digits[:12]}"


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
