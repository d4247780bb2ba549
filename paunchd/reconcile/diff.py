"""Desired × Observed × History → one ``Drift`` a name: which revision counts, and how what runs differs from it.

Pure. Here the effective revision is chosen (behaviour, section 6): the desired one, or the good one where the desired
one is rejected. All that follows reads only the drift, so rollback needs no rules of its own.
"""

from dataclasses import dataclass

from paunchd.reconcile.contents import changed_between
from paunchd.reconcile.model import Container, Content, Facts, Item, Past, Revision, Seen, bare, image_of
from paunchd.spec import ContainerSpec, Gap, Kind, Limits, changed_keys, gap


@dataclass(frozen=True, slots=True)
class Drift:
    """One declared name with everything known of it.

    *effective* is the revision to reach; *good* the one to return to, ``None`` where none is known or it could not be
    brought back (no container of it, no spec). They are equal, hash for hash, while rolled back and once proven.
    """

    item: Item
    seen: Seen
    past: Past
    effective: Revision
    good: Revision | None
    content: Content | None = None

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def rolled_back(self) -> bool:
        return self.effective.hash != self.item.hash and self.item.hash in self.past.rejected

    @property
    def is_good(self) -> bool:
        """The effective revision is the good one: nothing has to be proved."""
        return self.good is not None and self.good.hash == self.effective.hash

    @property
    def start_first(self) -> bool:
        """The effective revision is to prove its health beside the good one before it takes the name."""
        rollout = self.effective.spec.rollout if self.effective.spec else None
        return rollout is not None and rollout.strategy == "start-first" and not self.is_good

    @property
    def unknown(self) -> bool:
        """The store was lost: nothing says whether the container that runs is a good one, so it may first prove it."""
        live = self.seen.live
        if self.past.known or self.good is not None or live is None or live.kind == Kind.TASK:
            return False
        return live.running and not self.at_effective(live)

    @property
    def on_trial(self) -> Container | None:
        """The container that has something to prove."""
        live, prepared = self.seen.live, self.seen.next
        if self.is_good:
            return None
        if live and (self.at_effective(live) or self.unknown):
            return live
        return prepared if self.start_first and self.at_effective(prepared) else None

    @property
    def spec_on_trial(self) -> ContainerSpec | None:
        """What the one on trial was made from; ``None`` where nobody knows."""
        return self.effective.spec if self.at_effective(self.on_trial) else None

    @property
    def restart_asked(self) -> bool:
        """An operator wants the live container started again, and this is still the run he spoke of."""
        live, asked = self.seen.live, self.past.restart
        run = (live.id, live.details.started_at) if live else None
        return asked is not None and run == (asked.container_id, asked.started_at)

    def at_effective(self, container: Container | None) -> bool:
        return container is not None and container.hash == self.effective.hash

    def at_good(self, container: Container | None) -> bool:
        return container is not None and self.good is not None and container.hash == self.good.hash

    def limits_of(self, live: Container) -> Gap:
        """How far the limits of *live*, at the effective revision, are from it; without its spec nobody knows."""
        spec = self.effective.spec
        return gap(spec.limits, live.details.limits, live.details.processors) if spec else Gap(Limits())


def diff(facts: Facts) -> dict[str, Drift]:
    """Return a drift for each declared name."""
    return {
        name: _drift(item, facts.observed.of(name), facts.history.of(name), facts.contents.get(name))
        for name, item in facts.desired.items.items()
    }


def _drift(item: Item, seen: Seen, past: Past, content: Content | None) -> Drift:
    desired = Revision(item.hash, item.spec, item.image)
    good = good_of(desired, seen, past)
    rejected = item.spec.kind is Kind.CONTAINER and item.hash in past.rejected
    effective = good if rejected and good and good.hash != item.hash else desired
    return Drift(item, seen, past, effective, good, content)


def good_of(desired: Revision, seen: Seen, past: Past) -> Revision | None:
    """The revision to return to. With the store lost, a kept container tells it, for nothing else is ever kept."""
    good = past.good
    if good is None and seen.prev is not None and seen.prev.hash:
        good = Revision(seen.prev.hash)
    if good is None:
        return None
    if good.spec is None and good.hash == desired.hash:
        good = desired
    there = any(container.hash == good.hash for container in seen.containers)
    return good if there or good.spec is not None else None


def changes(drift: Drift) -> str:
    """In what the effective revision differs from the good one, for people; empty where unknown."""
    good, new = drift.good, drift.effective
    if good is None or good.spec is None or new.spec is None:
        return ""
    files = changed_between(good, new, drift.content, drift.past.read)
    if bare(good.hash) != bare(new.hash):
        return ", ".join(filter(None, (*changed_keys(good.spec, new.spec), files)))
    moved = "image moved" if image_of(good.hash) != image_of(new.hash) else ""
    return ", ".join(filter(None, (moved, files)))
