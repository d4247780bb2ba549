"""How a view becomes an answer: JSON, rendered once where many ask, and not sent to whoever has it already."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from paunchd.api.sources import snapshot_of
from paunchd.api.views import View
from paunchd.reconcile.model import Snapshot

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Rendering:
    """*etag* tells these very bytes from all others."""

    body: bytes
    etag: str


class Rendered:
    """What the newest snapshot says to everybody alike: each view of it is rendered for the first who asks."""

    def __init__(self) -> None:
        self._of: Snapshot | None = None
        self._renderings: dict[Callable[[Snapshot], View], Rendering] = {}

    def of(self, snapshot: Snapshot, view: Callable[[Snapshot], View]) -> Rendering:
        if snapshot is not self._of:
            self._of, self._renderings = snapshot, {}
        found = self._renderings.get(view)
        if found is None:
            found = self._renderings[view] = render(view(snapshot))
        return found


RENDERED = web.AppKey("rendered", Rendered)


def shared(view: Callable[[Snapshot], View]) -> Handler:
    """Return what answers with *view* of the newest snapshot."""

    async def read(request: web.Request) -> web.Response:
        return unless_known(request, request.app[RENDERED].of(snapshot_of(request), view))

    return read


def render(view: View) -> Rendering:
    body = view.model_dump_json().encode()
    return Rendering(body, hashlib.sha256(body).hexdigest()[:32])


def unless_known(request: web.Request, rendering: Rendering) -> web.Response:
    """Answer 304 where *request* says that it has *rendering*."""
    if any(tag.value in (rendering.etag, "*") for tag in request.if_none_match or ()):
        made = web.Response(status=304)
    else:
        made = web.Response(body=rendering.body, content_type=JSON)
    made.etag = rendering.etag
    made.headers["Cache-Control"] = "no-cache"
    return made


def answer(view: View, status: int = 200) -> web.Response:
    """Answer with what is of this moment alone."""
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=view.model_dump_json().encode(), status=status, content_type=JSON, headers=headers)
