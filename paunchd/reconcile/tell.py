"""Passes → the snapshot that everybody who asks is shown. Decides nothing."""

import time
from collections.abc import Callable
from dataclasses import replace

from paunchd.metrics import Metrics
from paunchd.reconcile.in_flight import InFlight
from paunchd.reconcile.model import Facts, Observed, Plan, Snapshot, State, Status


class Teller:
    """Gives each snapshot to *publish* and to *metrics*."""

    def __init__(self, publish: Callable[[Snapshot], None], metrics: Metrics, clock: Callable[[], float]) -> None:
        self._publish = publish
        self._metrics = metrics
        self._clock = clock
        self._since: dict[str, tuple[State, float]] = {}
        self._last: Snapshot | None = None

    @property
    def observed(self) -> Observed:
        """What was seen last."""
        return self._last.observed if self._last else Observed({})

    def tell(self, facts: Facts, made: Plan, in_flight: InFlight) -> None:
        """Tell of a pass: lanes that were there when it looked are not judged, though they may have ended by now."""
        wall = time.time()
        since = {}
        for name, status in made.statuses.items():
            state, at = self._since.get(name, (None, wall))
            since[name] = (status.state, at if state is status.state else wall)
        self._since = since
        self._show(
            Snapshot(
                desired=facts.desired,
                observed=facts.observed,
                history=facts.history,
                plan=made,
                observed_generation=facts.desired.generation,
                in_flight=dict(in_flight.unjudged),
                doing=in_flight.told(),
                since={name: at for name, (_, at) in since.items()},
                wall_offset=wall - self._clock(),
                contents=facts.contents,
            )
        )

    def freeze(self, facts: Facts, error: str) -> None:
        """Tell that the engine is away: everything is kept as last seen, and told to be unknown."""
        last = self._last or Snapshot(facts.desired, facts.observed, facts.history, Plan((), {}))
        unseen = {name: Status(name, State.UNKNOWN) for name in facts.desired.items}
        frozen = Plan((), {**unseen, **last.plan.statuses})
        self._show(replace(last, desired=facts.desired, history=facts.history, engine=error, plan=frozen))

    def _show(self, snapshot: Snapshot) -> None:
        self._last = snapshot
        self._publish(snapshot)
        self._metrics.update(snapshot)
