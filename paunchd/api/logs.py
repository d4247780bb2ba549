"""``GET /v1/containers/{name}/logs``: what a container, task or exec has printed.

Over the socket alone: what a container prints may hold anything.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from aiohttp import web

from paunchd.api.errors import ProblemError, not_found
from paunchd.api.query import Parameter, Query, flag, one_of, whole
from paunchd.api.security import peer_of
from paunchd.api.sources import SOURCES, Places, snapshot_of
from paunchd.api.stream import send
from paunchd.engine.protocol import LogWish
from paunchd.reconcile.model import Container, Seen

DEFAULT_LINES = 200
MOST_LINES = 100_000
READERS = web.AppKey("readers", Places)
PLACES = ("live", "next", "prev")
_YES_OR_NO = {"type": "boolean", "default": False}
PARAMETERS = (
    Parameter(
        "tail",
        "So many of the newest lines, or `all`.",
        {
            "default": DEFAULT_LINES,
            "oneOf": [{"type": "integer", "minimum": 0, "maximum": MOST_LINES}, {"enum": ["all"]}],
        },
    ),
    Parameter("follow", "Go on with what is still to come.", _YES_OR_NO),
    Parameter("timestamps", "Begin each line with its time.", _YES_OR_NO),
    Parameter("container", "Which one; else the first that is there of these.", {"enum": [*PLACES]}),
)


async def logs(request: web.Request) -> web.StreamResponse:
    """Answer with plain text; the headers say which container it is of."""
    if peer_of(request) is None:
        raise ProblemError(403, "Socket only", "logs may hold anything; ask over the unix socket (api.socket)")
    name, wish, which = request.match_info["name"], wanted(request.query), one_of(request.query, "container", PLACES)
    seen = snapshot_of(request).observed.of(name)
    found = _pick(seen, which)
    if found is None:
        return await _kept(request, name, wish, which)
    headers = {"X-Container-Id": found.id, "X-Container-Name": found.engine_name}
    read = request.app[SOURCES].logs.log_pieces
    with request.app[READERS]:
        pieces = read(found.id, wish)
        async with aclosing(pieces):
            await anext(pieces)  # the engine's refusal is the answer, and not the end of one
            return await send(request, pieces, "text/plain", headers)


def wanted(query: Query) -> LogWish:
    """Read the query. Raises ``ProblemError``."""
    tail = query.get("tail")
    lines = None if tail == "all" else whole(query, "tail", DEFAULT_LINES, MOST_LINES)
    return LogWish(lines, flag(query, "follow"), flag(query, "timestamps"))


def _pick(seen: Seen, which: str | None) -> Container | None:
    places: Mapping[str, Container | None] = {"live": seen.live, "next": seen.next, "prev": seen.prev}
    if which:
        return places[which]
    return next(iter(seen.containers), None)


async def _kept(request: web.Request, name: str, wish: LogWish, which: str | None) -> web.StreamResponse:
    """Without a container, what is kept of a task's or an exec's newest run."""
    rows = await asyncio.to_thread(request.app[SOURCES].kept.outputs, name) if which is None else ()
    if not rows:
        known = name in snapshot_of(request).plan.statuses
        what = f"{which} container of `{name}` is there" if which else f"container of `{name}` is there"
        raise ProblemError(404, "Not found", f"no {what}") if known else not_found("container", name)
    lines = str(rows[0]["output"]).splitlines(keepends=True)
    kept = lines if wish.tail is None else lines[max(0, len(lines) - wish.tail) :]

    async def once() -> AsyncIterator[bytes]:
        yield "".join(kept).encode()

    return await send(request, once(), "text/plain")
