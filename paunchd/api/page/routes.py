"""What the page's addresses answer with."""

import asyncio
import hashlib
import socket
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from paunchd import __version__
from paunchd.api import views, views_node
from paunchd.api.page.steps import steps
from paunchd.api.page.timeline import timeline
from paunchd.api.reads import detail_of
from paunchd.api.revisions import NamedEventView, history_view
from paunchd.api.sources import SOURCES, snapshot_of

TIMELINE_LINES = 500
_FILES = resources.files("paunchd.api.page") / "files"
_STYLE = (_FILES / "page.css").read_text()
_SCRIPT = (_FILES / "page.js").read_text()


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


#: Nothing but what stands in the page itself is loaded or run.
POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def node(request: web.Request) -> web.Response:
    """The whole node."""
    snapshot, shown_to = snapshot_of(request), _newest_event(request)
    rows = await asyncio.to_thread(request.app[SOURCES].kept.recent, TIMELINE_LINES)
    events = [NamedEventView.model_validate(row) for row in rows]
    fields = {
        "status": views_node.status_view(snapshot),
        "containers": views.containers_view(snapshot).containers,
        "steps": steps(snapshot),
        "timeline": timeline(events, datetime.now(UTC)),
    }
    return _page(request, "node.html", shown_to, fields)


async def name(request: web.Request) -> web.Response:
    """One name and its story."""
    asked, snapshot, shown_to = request.match_info["name"], snapshot_of(request), _newest_event(request)
    detail = await detail_of(request, asked, words=False)
    if detail is None:
        return _page(request, "gone.html", shown_to, {"name": asked}, status=404)
    rows = await asyncio.to_thread(request.app[SOURCES].kept.events, asked)
    return _page(request, "name.html", shown_to, {"one": detail, "story": history_view(snapshot, asked, rows)})


def _newest_event(request: web.Request) -> str:
    """Take it with the snapshot: whatever comes while the page is made, its script must hear of."""
    journal = request.app[SOURCES].board.journal
    return journal.id_of(journal.newest)


def _page(
    request: web.Request, template: str, last_event_id: str, fields: Mapping[str, Any], status: int = 200
) -> web.Response:
    """Render *template*; a script that has the page already asks with *part* for what changes alone."""
    shared: Mapping[str, Any] = {
        "host": socket.gethostname(),
        "version": __version__,
        "style": _STYLE,
        "script": _SCRIPT,
        "last_event_id": last_event_id,
        "part": "part" in request.query,
        "now": datetime.now(UTC),
    }
    from paunchd.api.page.templates import TEMPLATES  # noqa: PLC0415, few look at a page: 2 MB and 25 ms of each start

    text = TEMPLATES.get_template(template).render({**shared, **fields})
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


PAGES: Mapping[str, Handler] = {"/": node, "/containers/{name}": name}
