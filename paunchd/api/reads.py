"""What each read is answered with, but for the answers that go on."""

import asyncio
from typing import Literal

from aiohttp import web

from paunchd.api import views, views_node
from paunchd.api.answers import answer, render, shared, unless_known
from paunchd.api.errors import ProblemError, not_found
from paunchd.api.query import Parameter, whole
from paunchd.api.revisions import NamedEventView, NodeHistoryView, history_view
from paunchd.api.security import peer_of
from paunchd.api.sources import SOURCES, Places, snapshot_of
from paunchd.api.wait import wait, wanted
from paunchd.metrics import CONTENT_TYPE_LATEST
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


WAITERS = web.AppKey("waiters", Places)


class HealthView(views.View):
    status: Literal["ok", "ready"]


containers = shared(views.containers_view)
configs = shared(views_node.configs_view)
plan = shared(views_node.plan_view)
status = shared(views_node.status_view)


async def container(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    view = await detail_of(request, name, words=peer_of(request) is not None)
    if view is None:
        raise not_found("container", name)
    return unless_known(request, render(view))


async def detail_of(request: web.Request, name: str, *, words: bool) -> views.ContainerDetailView | None:
    """Tell all of *name*, what a rejected container itself printed only with *words*; ``None`` where it is unknown."""
    view = views.container_detail_view(snapshot_of(request), name)
    if view is None or not view.rejected:
        return view
    evidence = await asyncio.to_thread(request.app[SOURCES].kept.evidence, name)
    return views.with_evidence(view, evidence, words=words)


async def container_history(request: web.Request) -> web.Response:
    name, snapshot = request.match_info["name"], snapshot_of(request)
    rows = await asyncio.to_thread(request.app[SOURCES].kept.events, name)
    if not rows and name not in snapshot.plan.statuses:
        raise not_found("container", name)
    return answer(history_view(snapshot, name, rows))


async def history(request: web.Request) -> web.Response:
    limit = whole(request.query, "limit", HISTORY_LINES, MOST_HISTORY_LINES)
    rows = await asyncio.to_thread(request.app[SOURCES].kept.recent, limit)
    return answer(NodeHistoryView(history=[NamedEventView.model_validate(row) for row in rows]))


async def config(request: web.Request) -> web.Response:
    config_id = request.match_info["config_id"]
    wish = wanted(config_id, request.query)
    if wish is not None:
        with request.app[WAITERS]:
            return unless_known(request, render(await wait(request.app[SOURCES].board, wish)))
    view = views_node.config_view(snapshot_of(request), config_id)
    if view is None:
        raise not_found("config", config_id)
    return unless_known(request, render(view))


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
