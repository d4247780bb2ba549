"""What a loop is put together from. Decides nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from paunchd.metrics import Metrics
from paunchd.reconcile.execute import Executor
from paunchd.reconcile.model import Content, Desired, History, Lane, Probe, Snapshot, Step
from paunchd.reconcile.observe import Observer
from paunchd.reconcile.record import Recorder
from paunchd.spec import Healthcheck
from paunchd.store import Store


class Source(Protocol):
    def load(self) -> Desired: ...


class Contents(Protocol):
    @property
    def due_at(self) -> float: ...

    def changed(self) -> None: ...

    async def look(self, desired: Desired, history: History) -> Mapping[str, Content]: ...


class Prober(Protocol):
    @property
    def results(self) -> Mapping[str, Probe]: ...

    def watch(self, targets: Mapping[str, Healthcheck]) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a loop works with. *publish* is given each snapshot; *store* is read and, for tidying up, written."""

    source: Source
    contents: Contents
    observer: Observer
    store: Store
    executor: Callable[[Callable[[Lane], bool], Callable[[Lane, Step], None]], Executor]
    recorder: Recorder
    prober: Prober
    metrics: Metrics
    publish: Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """*gap_seconds*: the shortest time between two passes, so that a storm of events costs few of them; but once the
    last lane in flight has ended the next one begins at once, as nobody is at the engine any more.

    After a longer pass it is as long as that one, unless a lane ends; while the engine has all the *lanes* that it may
    be at, it is *gap_a_lane_seconds* longer for each one more in flight, whatever ends; up to *longest_gap_seconds*. So
    on a large node as well engine and processor have time for what is being done meanwhile.
    """

    resync_seconds: float
    slow_resync_seconds: float
    lanes: int
    gap_seconds: float = 0.02
    gap_a_lane_seconds: float = 0.02
    longest_gap_seconds: float = 0.5

    def gap(self, pass_seconds: float, queued: int) -> float:
        """Seconds to rest after a pass that took *pass_seconds*, with *queued* lanes more than the engine may be at."""
        return min(max(self.gap_seconds, pass_seconds) + self.gap_a_lane_seconds * queued, self.longest_gap_seconds)
