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
        held = {name for name in orphaned if snapshot.plan.statuses[name].state is State.HELD}
        self._loop.confirmed |= held
        log.info("removals_confirmed", names=sorted(held))
        self._loop.wake()

    async def retry(self, name: str) -> None:
        self._known(name)
        await asyncio.to_thread(self._store.retry, name)
        self._recorder.attempts.pop(name, None)
        await self._asked(name, "retry")

    async def rollback(self, name: str) -> None:
        """Go back to the last good revision of *name*, and of its whole group; a person's word, so never judged."""
        snapshot = self._known(name)
        told = False
        for member in _group_of(snapshot, name):
            revision = snapshot.desired.items[member].hash
            cause = "rolled back by an operator"
            told |= await asyncio.to_thread(self._store.roll_back, member, revision, cause)
            self._recorder.attempts.pop(member, None)
        if not told:
            raise ValueError(f"cannot roll back {name}: no good revision but the desired one is known")
        await self._asked(name, "roll back")

    async def hold(self, name: str) -> None:
        self._known(name)
        await asyncio.to_thread(self._store.set_hold, name, hold=True)
        await self._asked(name, "hold")

    async def release(self, name: str) -> None:
        self._known(name)
        await asyncio.to_thread(self._store.set_hold, name, hold=False)
        await self._asked(name, "release")

    async def _asked(self, name: str, what: str) -> None:
        await asyncio.to_thread(self._store.tell, Event(name, f"asked to {what}"))
        log.info("request_taken", name=name, request=what)
        self._loop.wake()

    def _known(self, name: str) -> Snapshot:
        snapshot = self._board.current
        if snapshot is None or name not in snapshot.plan.statuses:
            raise KeyError(name)
        return snapshot


def _group_of(snapshot: Snapshot, name: str) -> list[str]:
    """The containers that are rolled back with *name*: itself first, and the rest of its rollout group."""
    items = {one.name: one for one in snapshot.desired.items.values() if one.spec.kind is Kind.CONTAINER}
    if name not in items:
        raise ValueError(f"cannot roll back {name}: only a declared container has revisions")
    rollout = items[name].spec.rollout
    group = rollout.group if rollout else None
    others = [one.name for one in items.values() if group and one.spec.rollout and one.spec.rollout.group == group]
    return [name, *(other for other in others if other != name)]
