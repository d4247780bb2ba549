"""``GET /v1/events``: what changes, as server-sent events, from now on or from where a reader was cut off."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Literal

from aiohttp import web

from paunchd.api.changes import NamedChange, NodeChanged
from paunchd.api.journal import Entry, Journal
from paunchd.api.query import Parameter
from paunchd.api.sources import SOURCES, Places, snapshot_of
from paunchd.api.stream import send
from paunchd.api.views import View

KEEPALIVE_SECONDS = 15.0
MAX_STREAMS = 64
STREAMS = web.AppKey("streams", Places)
PARAMETERS = (
    Parameter("name", "Only of this name; may be repeated.", {"type": "array", "items": {"type": "string"}}),
    Parameter("last_event_id", "Go on after this one, where the header cannot be sent."),
)

_RETRY = b"retry: 2000\n\n"
_STILL_HERE = b": still here\n\n"


class Reset(View):
    """What came before is not told: look at everything anew (``GET /v1/containers``), then go on from here."""

    kind: Literal["reset"] = "reset"


async def events(request: web.Request) -> web.StreamResponse:
    """``Last-Event-ID`` (or *last_event_id*, for a page's first request) resumes; *name*, repeatable, picks names."""
    snapshot_of(request)  # before the first one there is nothing to be told of
    journal = request.app[SOURCES].board.journal
    last = request.headers.get("Last-Event-ID") or request.query.get("last_event_id", "")
    names = frozenset(request.query.getall("name", ()))
    with request.app[STREAMS]:
        return await send(request, frames(journal, journal.number_of(last), names), "text/event-stream")


async def frames(journal: Journal, place: int | None, names: Collection[str]) -> AsyncIterator[bytes]:
    """Yield frames without end. Where *place* is not known or no longer kept, a reset says so."""
    yield _RETRY
    while True:
        if place is None or not journal.is_kept_after(place):
            place = journal.newest
            yield _frame(journal.id_of(place), Reset())
        found = journal.after(place)
        if found:
            place = found[-1].number
            wanted = [entry for entry in found if not names or getattr(entry.change, "name", None) in names]
            yield b"".join(_told(journal, entry) for entry in wanted)
        elif not await _grew(journal, place):
            yield _STILL_HERE


async def _grew(journal: Journal, place: int) -> bool:
    try:
        async with asyncio.timeout(KEEPALIVE_SECONDS):
            await journal.grows(place)
    except TimeoutError:
        return False
    return True


def _told(journal: Journal, entry: Entry) -> bytes:
    return _frame(journal.id_of(entry.number), entry.change)


def _frame(event_id: str, view: NodeChanged | NamedChange | Reset) -> bytes:
    return f"id: {event_id}\nevent: {view.kind}\ndata: {view.model_dump_json()}\n\n".encode()
