"""What the engine reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from paunchd.spec import Limits, RestartPolicy


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


DEFAULT_GRACE_SECONDS = 10.0  # the engine's own, between stop signal and kill


@dataclass(frozen=True, slots=True)
class Details:
    """What an inspect tells. *state* may be newer than the list's, for an inspect waits for a start that goes on.

    *started_at* is the engine's time stamp, compared for equality and shown, no more. *processors*: all of the node, as
    a list; empty where unknown. *grace_seconds*: how long the engine waits between the stop signal and the kill.
    """

    state: ContainerState
    restart: RestartPolicy
    limits: Limits
    restart_count: int
    exit_code: int
    oom_killed: bool
    error: str
    started_at: str
    finished_at: str
    grace_seconds: float
    health_output: str = ""
    processors: str = ""


class Slot(StrEnum):
    """Which of its three engine names an owned container has; ``STRAY``: none of them, somebody renamed it."""

    LIVE = ""
    NEXT = ".next"
    PREV = ".prev"
    STRAY = "stray"


def engine_name(name: str, slot: Literal[Slot.LIVE, Slot.NEXT, Slot.PREV]) -> str:
    return name + slot.value


@dataclass(frozen=True, slots=True)
class Container:
    """One owned container. *details* may be older than the rest while nothing hangs on them (see ``observe``).

    *files*: the digest of the config files it was made to read; empty where it reads none, or was made before that.
    """

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
    files: str = ""

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


_NOTHING = Seen()


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at the engine. *names* holds every name with an owned container or a foreign one in its place; of a name
    that a lane was at just then, what was known before.

    *unseen*: names with a container that the engine lists and does not answer for; what is not known is not dead.
    *at*: when the look began, so that everything was as seen then or later. *images*: the id that an image name (or id)
    means here now, empty where there is none; only of those asked for.
    """

    names: Mapping[str, Seen]
    probes: Mapping[str, Probe] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    at: float = 0.0
    images: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> Seen:
        return self.names.get(name, _NOTHING)
