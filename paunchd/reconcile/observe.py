"""Engine → Observed: one list call, and an inspect only of what something hangs on.

Must never decide anything. A container is inspected when it is new, when its state changed, when a lane has worked on
its name or the engine told of it, when its trial comes to the moment it is judged at, and all are now and then, those
on trial more often, as an event may get lost; otherwise what is known of it is still true. One that a lane is at this
very moment is left alone.
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

ON_TRIAL_SECONDS = 10.0
ON_TRIAL_A_SECOND = 10  # more inspects would take the time that the engine needs to start the rest
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
    """What a look is to find out: how those do that are *on_trial*, and *due* to be judged; what *images* mean.

    Of names *left_alone* it tells what is known already: a lane is at them, and an engine that is just starting a
    container answers nothing about it until it has.
    """

    on_trial: Collection[str] = ()
    due: Collection[str] = ()
    left_alone: Collection[str] = ()
    images: Collection[str] = ()


class Observer:
    """Looks at the engine for one *owner*, remembering the details of containers it has inspected."""

    def __init__(self, engine: Engine, owner: str, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._known: dict[str, Known] = {}
        self._dirty: set[str] = set()
        self._all_dirty = False
        self._mute: dict[str, float] = {}
        self._meanings = Meanings(engine, clock)

    def heard(self, name: str) -> None:
        """The engine tells of *name*: it may have been restarted, which no list shows."""
        self._dirty.add(name)

    def touched(self, name: str) -> None:
        """A lane has worked on *name*: what is known of its containers may be old."""
        self._dirty.add(name)
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

    def _row(self, one: Listed) -> Row | None:
        before = self._rows.get(one.id)
        if before and before.listed == one:
            return before
        who = identity_of(one.labels, self._owner)
        return Row(one, who) if who else None

    async def _details(self, ours: Mapping[str, Row], wish: Wish) -> dict[str, Details]:
        names = {id_: row.who.name for id_, row in ours.items()}
        if self._all_dirty:
            self._dirty |= set(names.values())
        self._all_dirty = False
        old = self._dirty.difference(wish.left_alone)
        self._known = {id_: known for id_, known in self._known.items() if id_ in ours and names[id_] not in old}
        self._dirty -= old
        now = self._clock()
        self._mute = {id_: until for id_, until in self._mute.items() if id_ in ours and now < until}
        good_for = _good_for(ours.values(), wish)
        asked = [
            row.listed
            for id_, row in ours.items()
            if id_ not in self._mute and names[id_] not in wish.left_alone
            if self._is_old(row.listed, good_for.get(names[id_]))
        ]
        found = await asyncio.gather(*(self._inspect(one.id) for one in asked))
        for one, details in zip(asked, found, strict=True):
            if details:
                self._known[one.id] = Known(details, now)
            else:
                self._known.pop(one.id, None)
        return {id_: known.details for id_, known in self._known.items()}

    def _is_old(self, one: Listed, good_for: float | None) -> bool:
        """*good_for*: seconds that details of a container on trial are; nothing where it is not, or is not up."""
        known = self._known.get(one.id)
        if known is None or known.details.state is not one.state:
            return True
        due = good_for is not None and self._clock() - known.at >= good_for
        return due and one.state in CHANGES_BY_ITSELF

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
    """For how many seconds details are good, by name: so that there are not too many inspects a second."""
    up = {row.who.name for row in rows if row.listed.state in CHANGES_BY_ITSELF}
    on_trial = up.intersection(wish.on_trial)
    seconds = dict.fromkeys(on_trial, max(ON_TRIAL_SECONDS, len(on_trial) / ON_TRIAL_A_SECOND))
    return seconds | dict.fromkeys(up.intersection(wish.due), 0.0)


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
