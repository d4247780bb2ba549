"""What a person may ask of the daemon, carried out as a change of memory and a wake.

Nothing here touches a container: the next pass sees the change and does what follows from it.
"""

import asyncio
from collections.abc import Callable

import structlog

from paunchd.api.board import Board
from paunchd.readings import held_removals, is_settled
from paunchd.reconcile.loop import Loop
from paunchd.reconcile.model import Restart, Snapshot
from paunchd.reconcile.record import Recorder
from paunchd.spec import Kind
from paunchd.store import Store
from paunchd.store_records import Event

log = structlog.get_logger()


class Requests:
    """Each call returns once the request is remembered. ``KeyError``: no such name. ``StoreError``: not remembered.

    *look_anew* forgets what is known of containers, so that the next look inspects them all.
    """

    def __init__(
        self, loop: Loop, store: Store, recorder: Recorder, board: Board, look_anew: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._store = store
        self._recorder = recorder
        self._board = board
        self._look_anew = look_anew

    async def reconcile(self, *, uid: int) -> None:  # noqa: ARG002 - a look at everything changes nothing
        """Look at everything now, also at what otherwise shows at the slow resync: limits and policies set by hand."""
        self._look_anew()
        self._loop.wake()

    async def confirm_removals(self, *, uid: int) -> None:
        """Let exactly those removals go that are held now."""
        snapshot = self._board.current
        if snapshot is None:
            return
        held = set(held_removals(snapshot))
        self._loop.confirmed |= held
        log.info("removals_confirmed", names=sorted(held))
        self._loop.wake()
        for name in sorted(held):
            await self._tell(Event(name, "asked to confirm the removal", uid=uid))

    async def retry(self, name: str, *, uid: int) -> None:
        """Try *name* again, and whoever of its group is held because of the same rejection."""
        snapshot = self._known(name)
        if is_settled(snapshot, name):
            raise ValueError(f"cannot retry {name}: nothing of it has failed")
        rejected = [one for one in _group_of(snapshot, name) if _is_rejected(snapshot, one)]
        for member in {name: None} | dict.fromkeys(rejected):
            item = snapshot.desired.items.get(member)
            await asyncio.to_thread(self._store.retry, member, item.hash if item else "")
            self._recorder.forget(member)
            await self._asked(Event(member, "asked to retry", uid=uid))

    async def rollback(self, name: str, *, uid: int) -> None:
        """Go back to the last good revision of *name*, and of those of its group that were rolled out with it; a
        person's word, so never judged.
        """
        snapshot = self._known(name)
        if not _is_container(snapshot, name):
            raise ValueError(f"cannot roll back {name}: only a declared container has revisions")
        if _is_rejected(snapshot, name):
            raise ValueError(f"cannot roll back {name}: its declared revision is rejected, and the good one is back")
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
            await self._asked(Event(member, "asked to roll back", desired[member], uid=uid))

    async def restart(self, name: str, *, uid: int) -> None:
        """End what runs under *name* and start it again; asked twice about one run, it is done once."""
        snapshot = self._known(name)
        live = snapshot.observed.of(name).live
        if not _is_container(snapshot, name):
            raise ValueError(f"cannot restart {name}: only a declared container runs on; a task or exec is retried")
        if snapshot.history.of(name).hold:
            raise ValueError(f"cannot restart {name}: it is held; release it first")
        if live is None or not live.running:
            raise ValueError(f"cannot restart {name}: it does not run")
        restart = Restart(live.id, live.details.started_at)
        await asyncio.to_thread(self._store.ask_restart, name, restart)
        await self._asked(Event(name, "asked to restart", live.hash, uid=uid))

    async def hold(self, name: str, *, uid: int) -> None:
        self._known(name)
        await asyncio.to_thread(self._store.set_hold, name, hold=True)
        await self._asked(Event(name, "asked to hold", uid=uid))

    async def release(self, name: str, *, uid: int) -> None:
        self._known(name)
        await asyncio.to_thread(self._store.set_hold, name, hold=False)
        await self._asked(Event(name, "asked to release", uid=uid))

    async def _asked(self, event: Event) -> None:
        log.info("request_taken", name=event.name, request=event.event)
        self._board.asked_at = self._loop.now()
        self._loop.wake()
        await self._tell(event)

    async def _tell(self, event: Event) -> None:
        await asyncio.to_thread(self._store.tell, event)

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
