"""What is on trial, carried on from look to look.

Judges nothing itself; it sees to it that nobody is judged by what an earlier look has inspected. An engine restarts
containers in no time, and its list does not show it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from paunchd.reconcile.model import Facts, Lane, Rules, Trial
from paunchd.reconcile.observe import Observer
from paunchd.reconcile.plan import trials


class OnTrial:
    """*look*: asks for another look, soon."""

    def __init__(self, observer: Observer, look: Callable[[], None]) -> None:
        self.trials: Mapping[str, Trial] = {}
        self._observer = observer
        self._look = look

    def start_over(self) -> None:
        """Nobody has looked for a while, and what happened meanwhile is nobody's failure."""
        self.trials = {}

    def doubt(self, name: str) -> None:
        """Whatever the engine told of *name*: if that is on trial, it may have been restarted."""
        self._observer.doubt({name} & self.trials.keys())

    def doubt_all(self) -> None:
        self._observer.doubt(self.trials)

    def carry_on(self, facts: Facts, rules: Rules) -> None:
        """Take in what *facts* show; whoever passes its gate by them must have been inspected for them."""
        found = trials(facts, rules)
        passed = {name for name, trial in found.items() if trial.healthy_at == facts.now}
        unsure = self._observer.unsure(passed)
        self.trials = found | {name: replace(found[name], healthy_at=None) for name in unsure}
        if unsure - facts.in_flight:
            self._look()

    def may_begin(self, lane: Lane) -> bool:
        """Whether all that are on trial, and that *lane* is for, have been inspected by the last look."""
        unsure = self._observer.unsure(lane.judged & self.trials.keys())
        if unsure:
            self._look()
        return not unsure
