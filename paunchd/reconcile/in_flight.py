"""The lanes being carried out, and the step each is at. Decides nothing."""

from collections.abc import Mapping

from paunchd.reconcile.model import Create, Item, Lane, Rename, Start, Step, Update

OF_ITS_OWN = (Create, Rename, Update, Start)  # steps whose events say nothing that their lane does not know
LEFT_ALONE_SECONDS = 2.0  # of each step: a call to the engine mostly takes less


class InFlight:
    """*lanes*: those there are, by name. *unjudged*: with those that have ended since the last look began, which may
    have changed what it saw; their names are left to the next look. *doing*: the step each name is at, and since when.
    """

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.unjudged: dict[str, Lane] = {}
        self.doing: dict[str, tuple[Step, float]] = {}
        self._begun_with: dict[str, str] = {}

    def looked(self) -> None:
        """A look begins."""
        self.unjudged = dict(self.lanes)

    def begin(self, lane: Lane, item: Item | None) -> None:
        """*item*: what is declared for its name."""
        self.lanes[lane.name] = self.unjudged[lane.name] = lane
        self._begun_with[lane.name] = _hash(item)

    def end(self, lane: Lane) -> None:
        if lane.only_records:
            self.unjudged.pop(lane.name, None)
        del self.lanes[lane.name], self._begun_with[lane.name]
        self.doing.pop(lane.name, None)

    def expects(self, name: str) -> bool:
        """Whether what the engine tells of *name* is what its lane is just doing."""
        step, _ = self.doing.get(name, (None, 0.0))
        return isinstance(step, OF_ITS_OWN)

    def is_outdated(self, lane: Lane, item: Item | None) -> bool:
        """Whether another *item* is declared than when it began."""
        return self._begun_with.get(lane.name, "") != _hash(item)

    def left_alone(self, now: float) -> frozenset[str]:
        """The names whose containers a lane is just at; one that only records is at none."""
        return frozenset(
            name
            for name, (_, began) in self.doing.items()
            if now - began < LEFT_ALONE_SECONDS and not self.lanes[name].only_records
        )

    def told(self) -> Mapping[str, str]:
        """The step each name is at, for people."""
        return {name: str(step) for name, (step, _) in self.doing.items()}


def _hash(item: Item | None) -> str:
    return item.hash if item else ""
