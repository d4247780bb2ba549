"""What each read is answered with, but for the answers that go on."""

import asyncio
import hashlib

from aiohttp import web

from paunchd.api import views, views_node
from paunchd.api.errors import ProblemError, not_found
from paunchd.api.query import Parameter, number
from paunchd.api.revisions import NamedEventView, NodeHistoryView, history_view
from paunchd.api.security import peer_of
from paunchd.api.sources import SOURCES, Places, snapshot_of
from paunchd.api.wait import wait, wanted
from paunchd.metrics import CONTENT_TYPE_LATEST
from paunchd.reconcile.model import Snapshot
from paunchd.troubles import summary

MAX_WAITERS = 128
HISTORY_LINES, MOST_HISTORY_LINES = 200, 5000
HISTORY_PARAMETERS = (
    Parameter(
        "limit",
        "So many of the newest.",
        {"type": "integer", "minimum": 0, "maximum": MOST_HISTORY_LINES, "default": HISTORY_LINES},
    ),
)


class Rendered:
    """The list of containers as bytes, rendered once a snapshot, however many ask."""

    def __init__(self) -> None:
        self._of: Snapshot | None = None
        self.body = b""
        self.etag = ""

    def refresh(self, snapshot: Snapshot) -> None:
        if snapshot is not self._of:
            self.body = views.containers_view(snapshot).model_dump_json().encode()
            self.etag = hashlib.sha256(self.body).hexdigest()[:32]
            self._of = snapshot


WAITERS = web.AppKey("waiters", Places)
RENDERED = web.AppKey("rendered", Rendered)


class HealthView(views.View):
    status: str


def answer(view: views.View, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    body = view.model_dump_json().encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def containers(request: web.Request) -> web.Response:
    rendered = request.app[RENDERED]
    rendered.refresh(snapshot_of(request))
    if any(tag.value in (rendered.etag, "*") for tag in request.if_none_match or ()):
        made = web.Response(status=304)
    else:
        made = web.Response(body=rendered.body, content_type="application/json")
    made.etag = rendered.etag
    made.headers["Cache-Control"] = "no-cache"
    return made


async def container(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    view = views.container_detail_view(snapshot_of(request), name)
    if view is None:
        raise not_found("container", name)
    if view.rejected:
        evidence = await asyncio.to_thread(request.app[SOURCES].kept.evidence, name)
        view = views.with_evidence(view, evidence, words=peer_of(request) is not None)
    return answer(view)


async def container_history(request: web.Request) -> web.Response:
    name, snapshot = request.match_info["name"], snapshot_of(request)
    rows = await asyncio.to_thread(request.app[SOURCES].kept.events, name)
    if not rows and name not in snapshot.plan.statuses:
        raise not_found("container", name)
    return answer(history_view(snapshot, name, rows))


async def history(request: web.Request) -> web.Response:
    limit = int(number(request.query, "limit", HISTORY_LINES, MOST_HISTORY_LINES))
    rows = await asyncio.to_thread(request.app[SOURCES].kept.recent, limit)
    return answer(NodeHistoryView(history=[NamedEventView.model_validate(row) for row in rows]))


async def plan(request: web.Request) -> web.Response:
    return answer(views_node.plan_view(snapshot_of(request)))


async def configs(request: web.Request) -> web.Response:
    return answer(views_node.configs_view(snapshot_of(request)))


async def config(request: web.Request) -> web.Response:
    config_id = request.match_info["config_id"]
    wish = wanted(config_id, request.query)
    if wish is not None:
        with request.app[WAITERS]:
            return answer(await wait(request.app[SOURCES].board, wish))
    view = views_node.config_view(snapshot_of(request), config_id)
    if view is None:
        raise not_found("config", config_id)
    return answer(view)


async def status(request: web.Request) -> web.Response:
    return answer(views_node.status_view(snapshot_of(request)))


async def healthz(request: web.Request) -> web.Response:
    stuck = request.app[SOURCES].stuck()
    if stuck:
        raise ProblemError(503, "Stuck", stuck)
    return answer(HealthView(status="ok"))


async def readyz(request: web.Request) -> web.Response:
    snapshot = snapshot_of(request)
    if snapshot.engine != "ok" or snapshot.desired.degraded:
        raise ProblemError(503, "Not ready", summary(snapshot))
    return answer(HealthView(status="ready"))


async def metrics(request: web.Request) -> web.Response:
    text = await asyncio.to_thread(request.app[SOURCES].metrics.text)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
