"""What a person may ask of the daemon, carried out as a change of memory and a wake.

Nothing here touches a container: the next pass sees the change and does what follows from it.
"""

import asyncio

import structlog

from paunchd.api.board import Board
from paunchd.reconcile.loop import Loop
from paunchd.reconcile.model import State
from paunchd.reconcile.record import Recorder
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

    def _known(self, name: str) -> None:
        snapshot = self._board.current
        if snapshot is None or name not in snapshot.plan.statuses:
            raise KeyError(name)
