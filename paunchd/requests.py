"""What a person may ask of the daemon, carried out as a change of memory and a wake.

Nothing here touches a container: the next pass sees the change and does what follows from it.
"""

import asyncio

import structlog

from paunchd.api.board import Board
from paunchd.reconcile.loop import Loop
from paunchd.reconcile.model import Snapshot, State
from paunchd.reconcile.record import Recorder
from paunchd.spec import Kind
from paunchd.store import Event, Store

log = structlog.get_logger()


class Requests:
    """Each call returns once the request is remembered. ``KeyError``: no such name. ``StoreError``: not remembered."""

    def __init__(self, loop: Loop, store: Store, recorder: Recorder, board: Board) -> None:
        self._loop = loop
        self._store = store
        self._recorder = recorder
        self._board = board

    async def reconcile(self) -> None:
        self._loop.wake()

    async def confirm_removals(self) -> None:
        """Let exactly those removals go that are held now."""
        snapshot = self._board.current
        if snapshot is None:
            return
        orphaned = snapshot.plan.statuses.keys() - snapshot.desired.items.keys()
        held = {
            name
            for name in orphaned
            if snapshot.plan.statuses[name].state is State.HELD and not snapshot.history.of(name).hold
        }
        self._loop.confirmed |= held
        log.info("removals_confirmed", names=sorted(held))
        self._loop.wake()

    async def retry(self, name: str) -> None:
        """Try *name* again, and whoever of its group is held because of the same rejection."""
        snapshot = self._known(name)
        rejected = [one for one in _group_of(snapshot, name) if _is_rejected(snapshot, one)]
        for member in {name: None} | dict.fromkeys(rejected):
            await asyncio.to_thread(self._store.retry, member)
            self._recorder.attempts.pop(member, None)
            await self._asked(member, "retry")

    async def rollback(self, name: str) -> None:
        """Go back to the last good revision of *name*, and of those of its group that were rolled out with it; a
        person's word, so never judged.
        """
        snapshot = self._known(name)
        if not _is_container(snapshot, name):
            raise ValueError(f"cannot roll back {name}: only a declared container has revisions")
        desired = {
            member: snapshot.desired.items[member].hash
            for member in _group_of(snapshot, name)
            if member == name or _rolled_out_together(snapshot, name, member)
        }
        told = await asyncio.to_thread(self._store.roll_back, desired, f"rolled back by an operator ({name})")
        if not told:
            raise ValueError(f"cannot roll back {name}: no good revision but the desired one is known")
        for member in told:
            self._recorder.rolled_back(member)
            await self._asked(member, "roll back")

    async def hold(self, name: str) -> None:
        self._known(name)
        await asyncio.to_thread(self._store.set_hold, name, hold=True)
        await self._asked(name, "hold")

    async def release(self, name: str) -> None:
        self._known(name)
        await asyncio.to_thread(self._store.set_hold, name, hold=False)
        await self._asked(name, "release")

    async def _asked(self, name: str, what: str) -> None:
        log.info("request_taken", name=name, request=what)
        self._loop.wake()
        await asyncio.to_thread(self._store.tell, Event(name, f"asked to {what}"))

    def _known(self, name: str) -> Snapshot:
        snapshot = self._board.current
        if snapshot is None or name not in snapshot.plan.statuses:
            raise KeyError(name)
        return snapshot


def _is_container(snapshot: Snapshot, name: str) -> bool:
    item = snapshot.desired.items.get(name)
    return item is not None and item.spec.kind is Kind.CONTAINER


def _is_rejected(snapshot: Snapshot, name: str) -> bool:
    return snapshot.desired.items[name].hash in snapshot.history.of(name).rejected


def _group_of(snapshot: Snapshot, name: str) -> list[str]:
    """The containers of *name*'s rollout group, itself too; nobody where it is no container."""
    items = {one: item for one, item in snapshot.desired.items.items() if _is_container(snapshot, one)}
    groups = {one: item.spec.rollout.group if item.spec.rollout else None for one, item in items.items()}
    if name not in items:
        return []
    return sorted(one for one in items if one == name or (groups[one] and groups[one] == groups[name]))


def _rolled_out_together(snapshot: Snapshot, name: str, other: str) -> bool:
    """Both are still changing, or both were proven in one record; an older rollout of *other* is left alone."""

    def stands(one: str) -> float | None:
        past = snapshot.history.of(one)
        is_good = past.good is not None and past.good.hash == snapshot.desired.items[one].hash
        return past.good_at if is_good else None

    return stands(name) == stands(other)
