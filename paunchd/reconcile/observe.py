"""Engine → Observed: one list call, and an inspect only of what something hangs on.

Must never decide anything. A container is inspected when it is new, when its state changed, when a lane has worked on
its name, when the engine told of it, and all are now and then, those on trial more often; otherwise what is known of it
is still true. One that a lane is at this very moment is left alone.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from paunchd.engine.protocol import Engine
from paunchd.errors import EngineUnavailable, NotFound
from paunchd.labels import Identity, identity_of
from paunchd.reconcile.meanings import Meanings
from paunchd.reconcile.model import (
    Container,
    ContainerState,
    Desired,
    Details,
    Listed,
    Observed,
    Probe,
    Seen,
    Slot,
)
from paunchd.reconcile.project import seen_of, slot_of

ON_TRIAL_SECONDS = 5.0  # so mostly at each resync, which is what an event that gets lost may cost
ON_TRIAL_A_SECOND = 20  # more inspects would take the time that the engine needs to start the rest
UNSEEN_SECONDS = 10.0
CHANGES_BY_ITSELF = frozenset({ContainerState.RUNNING, ContainerState.RESTARTING})
PLACES = (Slot.LIVE, Slot.NEXT, Slot.PREV)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Known:
    """Details as inspected *at* a moment."""

    details: Details
    at: float


@dataclass(slots=True)
class Row:
    """What the engine lists of a container of ours, and what was made of it: most are as they were a pass before."""

    listed: Listed
    who: Identity
    container: Container | None = None

    def with_details(self, details: Details) -> Container:
        if self.container is None or self.container.details is not details:
            self.container = _container(self.listed, self.who, details)
        return self.container


@dataclass(frozen=True, slots=True)
class Listing:
    """What the engine lists, asked *at* a moment."""

    at: float
    containers: Sequence[Listed]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a look is to find out: how those do that are *on_trial*; what *images* mean.

    Of whatever is up of names looked at *closely* nothing counts that was known before.

    Of names *left_alone* it tells what is known already: a lane is at them, and an engine that is just starting a
    container answers nothing about it until it has.
    """

    on_trial: Collection[str] = ()
    closely: Collection[str] = ()
    left_alone: Collection[str] = ()
    images: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look was taken with."""

    listing: Listing
    wish: Wish
    desired: Desired
    probes: Mapping[str, Probe]


class Observer:
    """Looks at the engine for one *owner*, remembering the details of containers it has inspected."""

    def __init__(self, engine: Engine, owner: str, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._known: dict[str, Known] = {}
        self._dirty: set[str] = set()
        self._last = Look(Listing(0.0, ()), Wish(), Desired(0, {}), {})
        self._all_dirty = False
        self._mute: dict[str, float] = {}
        self._meanings = Meanings(engine, clock)

    def heard(self, names: Iterable[str]) -> None:
        """The engine may have done something to *names* that no list shows: it restarts a container in no time."""
        self._dirty.update(names)

    def unsure(self, names: Collection[str]) -> frozenset[str]:
        """Return those of *names* with a container that is up and was not inspected since the last list."""
        return frozenset(
            row.who.name
            for id_, row in self._rows.items()
            if row.who.name in names and row.listed.state in CHANGES_BY_ITSELF
            if id_ in self._known and self._known[id_].at < self._last.listing.at
        )

    def touched(self, name: str) -> None:
        """A lane has worked on *name*: what is known of its containers may be old."""
        self.heard([name])
        self._meanings.forget()

    def forget_all(self) -> None:
        """Everything is inspected at the next look, or once it is not left alone any more: what people change by hand
        shows then at the latest.

        It may be called in the middle of one, which must not take for gone what it has just inspected.
        """
        self._all_dirty = True
        self._meanings.forget()

    async def list(self) -> Listing:
        """Raises ``EngineUnavailable``."""
        at = self._clock()
        return Listing(at, await self._engine.list())

    async def look(self, listing: Listing, wish: Wish, desired: Desired, probes: Mapping[str, Probe]) -> Observed:
        """Find out the rest of what *listing* shows.

        A container that goes away meanwhile is not there; one that the engine lists and cannot be asked about makes its
        name unseen, and costs no other name its look (S-08).
        """
        self._last = Look(listing, wish, desired, probes)
        rows = {one.id: self._row(one) for one in listing.containers}
        self._rows = ours = {id_: row for id_, row in rows.items() if row}
        details = await self._details(ours, wish)
        found: defaultdict[str, list[Container]] = defaultdict(list)
        for id_, row in ours.items():
            if id_ in details:
                found[row.who.name].append(row.with_details(details[id_]))
        names = {name: seen_of(containers) for name, containers in found.items()}
        foreign = {one.engine_name for one in listing.containers if one.id not in ours}
        unseen = frozenset(row.who.name for id_, row in ours.items() if id_ in self._mute)
        meanings = await self._meanings.of(wish.images, listing.containers)
        return Observed(_with_foreign(names, foreign, desired), probes, unseen, listing.at, meanings)

    async def closer(self, names: Collection[str]) -> Observed:
        """Take the last look again, with whatever is up of *names* inspected now."""
        last = self._last
        return await self.look(last.listing, replace(last.wish, closely=names), last.desired, last.probes)

    def _row(self, one: Listed) -> Row | None:
        before = self._rows.get(one.id)
        if before and before.listed == one:
            return before
        who = identity_of(one.labels, self._owner)
        return Row(one, who) if who else None

    async def _details(self, ours: Mapping[str, Row], wish: Wish) -> dict[str, Details]:
        self._forget(ours, wish)
        asked = self._asked(ours, wish)
        now = self._clock()
        found = await asyncio.gather(*(self._inspect(id_) for id_ in asked))
        for id_, details in zip(asked, found, strict=True):
            if details:
                self._known[id_] = Known(details, now)
            else:
                self._known.pop(id_, None)
        return {id_: known.details for id_, known in self._known.items()}

    def _forget(self, ours: Mapping[str, Row], wish: Wish) -> None:
        if self._all_dirty:
            self._dirty |= {row.who.name for row in ours.values()}
        self._all_dirty = False
        old = self._dirty.difference(wish.left_alone)
        self._dirty -= old
        kept = {id_ for id_, row in ours.items() if row.who.name not in old}
        self._known = {id_: known for id_, known in self._known.items() if id_ in kept}
        now = self._clock()
        self._mute = {id_: until for id_, until in self._mute.items() if id_ in ours and now < until}

    def _asked(self, ours: Mapping[str, Row], wish: Wish) -> Sequence[str]:
        """Return the ids of those to inspect."""
        good_for = _good_for(ours.values(), wish)
        return [
            id_
            for id_, row in ours.items()
            if id_ not in self._mute and row.who.name not in wish.left_alone
            if self._is_old(row.listed, good_for.get(row.who.name))
        ]

    def _is_old(self, one: Listed, good_for: float | None) -> bool:
        """*good_for*: seconds that details of whatever is up are; nothing where it is as long as nothing is heard."""
        known = self._known.get(one.id)
        if known is None or known.details.state is not one.state:
            return True
        return one.state in CHANGES_BY_ITSELF and good_for is not None and self._clock() - known.at >= good_for

    async def _inspect(self, container_id: str) -> Details | None:
        try:
            return await self._engine.inspect(container_id)
        except NotFound:
            return None
        except EngineUnavailable as error:
            log.warning("container_unseen", id=container_id, error=str(error))
            self._mute[container_id] = self._clock() + UNSEEN_SECONDS
            return None


def _good_for(rows: Iterable[Row], wish: Wish) -> dict[str, float]:
    """For how many seconds details are good that nothing else makes doubtful, by name."""
    up = {row.who.name for row in rows if row.listed.state in CHANGES_BY_ITSELF}.intersection(wish.on_trial)
    seconds = dict.fromkeys(up, max(ON_TRIAL_SECONDS, len(up) / ON_TRIAL_A_SECOND))
    return seconds | dict.fromkeys(wish.closely, 0.0)


def _container(one: Listed, who: Identity, details: Details) -> Container:
    return Container(
        id=one.id,
        engine_name=one.engine_name,
        name=who.name,
        slot=slot_of(who.name, one.engine_name),
        config_id=who.config_id,
        hash=who.hash,
        kind=who.kind,
        restart=who.restart,
        image=one.image,
        image_id=one.image_id,
        state=details.state,
        health=one.health,
        details=details,
        files=who.files,
    )


def _with_foreign(names: dict[str, Seen], foreign: set[str], desired: Desired) -> dict[str, Seen]:
    if not foreign:
        return names
    for name in desired.items.keys() | names.keys():
        taken = tuple(name + slot.value for slot in PLACES if name + slot.value in foreign)
        if taken:
            names[name] = replace(names.get(name, Seen()), foreign=taken)
    return names
