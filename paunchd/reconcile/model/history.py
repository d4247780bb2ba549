"""What the engine cannot tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from paunchd.reconcile.model.content import Read
from paunchd.reconcile.model.revision import Revision


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


#: So long after the newest try that did not simply work, the ones before it do not count any more.
RESET_AFTER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """The newest try to reach revision *hash* that did not simply work. Memory only: a restart tries at once.

    *refused*: the engine rejected the spec itself. *next_at*: not before. *at*: when it was made. Of a change in place
    *hash* is the values that were to be set; *refused*: the engine does not take or does not keep them.
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
class Restart:
    """An operator asked for this run of this container to end and for another to begin; *started_at* is the engine's.

    Once the container has been started again it speaks of a run that is over.
    """

    container_id: str
    started_at: str


@dataclass(frozen=True, slots=True)
class Past:
    """All that is remembered of one name.

    *known*: the store has heard of the name (else it was lost, or the name is new). *rank*: its newest step and
    start order, for taking it down in reverse. *good_at*: when *good* was proven, by the wall clock; one moment for a
    whole group, and only compared for equality. *before*: what was good before *good*. *rejected* and *results* map a
    revision's hash (an exec's: ``hash@target hash``) to the cause and the outcome. *update*: the newest try to change
    something in place, which puts off nothing but itself. *read*: the config files that its container has read.
    """

    known: bool = False
    rank: tuple[int, int] = (0, 0)
    good: Revision | None = None
    good_at: float = 0.0
    before: Revision | None = None
    rejected: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)
    hold: bool = False
    restart: Restart | None = None
    read: Read | None = None
    attempt: Attempt | None = None
    update: Attempt | None = None
    trial: Trial | None = None
    last_error: str = ""

    @property
    def newest_attempt(self) -> Attempt | None:
        tried = [attempt for attempt in (self.attempt, self.update) if attempt]
        return max(tried, key=lambda attempt: attempt.at, default=None)


_NOTHING = Past()


@dataclass(frozen=True, slots=True)
class History:
    """*confirmed*: names whose removal an operator confirmed against the guard."""

    names: Mapping[str, Past] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()

    def of(self, name: str) -> Past:
        return self.names.get(name, _NOTHING)

    def recalling(
        self, trials: Mapping[str, Trial], attempts: Mapping[str, Attempt], updates: Mapping[str, Attempt]
    ) -> "History":
        """What the store remembers, with what only this daemon's memory holds."""
        names = dict(self.names)
        for name, trial in trials.items():
            names[name] = replace(names.get(name, _NOTHING), trial=trial)
        for name, attempt in attempts.items():
            names[name] = replace(names.get(name, _NOTHING), attempt=attempt)
        for name, update in updates.items():
            names[name] = replace(names.get(name, _NOTHING), update=update)
        return replace(self, names=names)
