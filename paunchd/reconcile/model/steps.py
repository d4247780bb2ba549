"""The steps of a lane: each is one engine call or one record, and says itself in the plan's text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paunchd.reconcile.model.revision import short
from paunchd.spec import ContainerSpec, Limits, RestartPolicy


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
    files: str = ""

    def __str__(self) -> str:
        return f"create {self.engine_name} from {self.spec.image}"


@dataclass(frozen=True, slots=True)
class Start:
    engine_name: str

    def __str__(self) -> str:
        return f"start {self.engine_name}"


@dataclass(frozen=True, slots=True)
class Stop:
    """With the container's own stop signal and grace period, which takes up to *grace_seconds*."""

    engine_name: str
    grace_seconds: float

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

    @property
    def values(self) -> str:
        parts = [f"restart={self.restart}"] if self.restart else []
        parts += [str(self.limits)] if self.limits else []
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"update {self.engine_name} ({self.values})"


@dataclass(frozen=True, slots=True)
class Tell:
    """Send *signal* to the container, which has changed config files to read. One that does not run any more reads them
    when it starts (T-091).
    """

    engine_name: str
    signal: str

    def __str__(self) -> str:
        return f"signal {self.engine_name} with {self.signal}"


@dataclass(frozen=True, slots=True)
class Reload:
    """The same by a command inside the container."""

    engine_name: str
    spec: ContainerSpec
    command: tuple[str, ...]

    def __str__(self) -> str:
        return f"exec on_change in {self.engine_name}"


@dataclass(frozen=True, slots=True)
class RecordRead:
    """Remember that the container has read *files*, which *digest* is of."""

    engine_name: str
    name: str
    digest: str
    files: Mapping[str, str]

    @property
    def values(self) -> str:
        return f"config files {short(self.digest)}"

    def __str__(self) -> str:
        return f"record {self.values} as read by {self.engine_name}"


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
    """Record that *revision* is the good one from now on. *spec*: ``None`` where only the hash is known.

    *others*: of the rest of its group, in the same transaction.
    """

    name: str
    revision: str
    spec: ContainerSpec | None
    others: tuple["Accept", ...] = ()

    def __str__(self) -> str:
        return f"accept {short(self.revision)} as the good revision of {self.name}{_with(self.others)}"


@dataclass(frozen=True, slots=True)
class Reject:
    """Record *revision* as rejected, with evidence from *engine_name*, before anything is done about it.

    *code* is the verdict's, from a closed set. *others*: the rest of its group, in the same transaction.
    """

    name: str
    revision: str
    code: str
    cause: str
    engine_name: str
    others: tuple["Reject", ...] = ()

    def __str__(self) -> str:
        return f"reject {short(self.revision)} of {self.name}{_with(self.others)}: {self.cause}"


def in_place(steps: Sequence["Step"]) -> str:
    """What *steps* set on a living container, or have it read, where they do nothing else; else nothing."""
    if not all(isinstance(step, (Update, Tell, Reload, RecordRead)) for step in steps):
        return ""
    return ", ".join(step.values for step in steps if isinstance(step, (Update, RecordRead)))


def _with(others: Sequence[Accept | Reject]) -> str:
    return f" and with it {', '.join(other.name for other in others)}" if others else ""


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
    | Tell
    | Reload
    | RecordRead
    | RunExec
    | RecordTask
    | Accept
    | Reject
)
