"""What each address answers, as one table: the application and its OpenAPI description are made from it."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import field_validator

from paunchd import readings
from paunchd.api import views, views_node
from paunchd.api.board import Board
from paunchd.api.errors import ProblemError, not_found
from paunchd.api.security import peer_of
from paunchd.api.wait import wait, wanted
from paunchd.metrics import CONTENT_TYPE_LATEST, Metrics
from paunchd.reconcile.model import Snapshot

log = structlog.get_logger()

MAX_WAITERS = 128


class Operator(Protocol):
    """What a person can ask of the daemon.

    Each raises ``KeyError`` for a name it does not know, and ``ValueError`` where what is asked cannot be done.
    """

    async def reconcile(self) -> None: ...

    async def confirm_removals(self) -> None: ...

    async def retry(self, name: str) -> None: ...

    async def rollback(self, name: str) -> None: ...

    async def hold(self, name: str) -> None: ...

    async def release(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from.

    *history* tells what happened to a name, newest first, and *evidence* what is kept of its rejected revisions, both
    in any thread; *stuck*, why no pass ends.
    """

    board: Board
    operator: Operator
    metrics: Metrics
    history: Callable[[str], Sequence[Mapping[str, object]]]
    stuck: Callable[[], str] = lambda: ""
    evidence: Callable[[str], Sequence[Mapping[str, object]]] = lambda _name: ()


class Waiters:
    """How many requests of one listener are waiting right now."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        if self.count >= MAX_WAITERS:
            raise ProblemError(503, "Too many waiting", f"{MAX_WAITERS} requests are waiting already")
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


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


SOURCES = web.AppKey("sources", Sources)
WAITERS = web.AppKey("waiters", Waiters)
RENDERED = web.AppKey("rendered", Rendered)


class AcceptedView(views.View):
    accepted: str
    name: str | None = None


class EventView(views.View):
    """One thing that happened; whatever else is remembered of it stays inside."""

    at: datetime
    event: str
    outcome: str = ""
    seconds: float | None = None
    hash: str = ""
    image: str = ""
    detail: str = ""

    @field_validator("at")
    @classmethod
    def _whole_seconds(cls, at: datetime) -> datetime:
        return at.replace(microsecond=0)


class HistoryView(views.View):
    name: str
    history: list[EventView]


class HealthView(views.View):
    status: str


def _snapshot(request: web.Request) -> Snapshot:
    current = request.app[SOURCES].board.current
    if current is None:
        raise ProblemError(503, "Not ready", "the first pass is not done yet")
    return current


def _answer(view: views.View, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    body = view.model_dump_json().encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def containers(request: web.Request) -> web.Response:
    rendered = request.app[RENDERED]
    rendered.refresh(_snapshot(request))
    if any(tag.value in (rendered.etag, "*") for tag in request.if_none_match or ()):
        answer = web.Response(status=304)
    else:
        answer = web.Response(body=rendered.body, content_type="application/json")
    answer.etag = rendered.etag
    answer.headers["Cache-Control"] = "no-cache"
    return answer


async def container(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    view = views.container_detail_view(_snapshot(request), name)
    if view is None:
        raise not_found("container", name)
    if view.rejected:
        evidence = await asyncio.to_thread(request.app[SOURCES].evidence, name)
        view = views.with_evidence(view, evidence, words=peer_of(request) is not None)
    return _answer(view)


async def container_history(request: web.Request) -> web.Response:
    name, snapshot = request.match_info["name"], _snapshot(request)
    rows = await asyncio.to_thread(request.app[SOURCES].history, name)
    if not rows and name not in snapshot.plan.statuses:
        raise not_found("container", name)
    return _answer(HistoryView(name=name, history=[EventView.model_validate(row) for row in rows]))


async def plan(request: web.Request) -> web.Response:
    return _answer(views_node.plan_view(_snapshot(request)))


async def configs(request: web.Request) -> web.Response:
    return _answer(views_node.configs_view(_snapshot(request)))


async def config(request: web.Request) -> web.Response:
    config_id = request.match_info["config_id"]
    wish = wanted(config_id, request.query)
    if wish is not None:
        with request.app[WAITERS]:
            return _answer(await wait(request.app[SOURCES].board, wish))
    view = views_node.config_view(_snapshot(request), config_id)
    if view is None:
        raise not_found("config", config_id)
    return _answer(view)


async def status(request: web.Request) -> web.Response:
    return _answer(views_node.status_view(_snapshot(request)))


async def healthz(request: web.Request) -> web.Response:
    stuck = request.app[SOURCES].stuck()
    if stuck:
        raise ProblemError(503, "Stuck", stuck)
    return _answer(HealthView(status="ok"))


async def readyz(request: web.Request) -> web.Response:
    snapshot = _snapshot(request)
    if snapshot.engine != "ok" or snapshot.desired.degraded:
        raise ProblemError(503, "Not ready", readings.summary(snapshot))
    return _answer(HealthView(status="ready"))


async def metrics(request: web.Request) -> web.Response:
    text = await asyncio.to_thread(request.app[SOURCES].metrics.text)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _write(action: str) -> Handler:
    async def write(request: web.Request) -> web.Response:
        name = request.match_info.get("name")
        peer = peer_of(request)
        if peer is None:
            raise ProblemError(403, "Read only", "write over the unix socket (api.socket)")
        log.info("write_requested", action=action, name=name, uid=peer.uid, pid=peer.pid)
        try:
            await getattr(request.app[SOURCES].operator, action)(*([name] if name else []))
        except KeyError:
            raise not_found("container", name or "") from None
        except ValueError as error:
            raise ProblemError(409, "Not possible", str(error)) from None
        return _answer(AcceptedView(accepted=action, name=name), status=202)

    return write


@dataclass(frozen=True, slots=True)
class Route:
    """One address. *answer* is ``None`` where the answer is no JSON of ours."""

    method: str
    path: str
    handler: Handler
    summary: str
    answer: type[views.View] | None = None
    query: tuple[str, ...] = ()


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/containers", containers, "Where every name stands, and why", views.ContainersView),
    Route("GET", "/v1/containers/{name}", container, "Everything about one name", views.ContainerDetailView),
    Route("GET", "/v1/containers/{name}/history", container_history, "What happened to it", HistoryView),
    Route("GET", "/v1/plan", plan, "What is to be done now", views_node.PlanView),
    Route("GET", "/v1/configs", configs, "Where every config stands", views_node.ConfigsView),
    Route(
        "GET",
        "/v1/configs/{config_id}",
        config,
        "One config; waits until that very content has settled or failed, if asked to",
        views_node.ConfigView,
        ("wait", "digest", "generation", "timeout_seconds"),
    ),
    Route("GET", "/v1/status", status, "The node at one glance, what is wrong first", views_node.StatusView),
    Route("GET", "/healthz", healthz, "Whether the loop is alive", HealthView),
    Route("GET", "/readyz", readyz, "Whether engine and directory can be read", HealthView),
    Route("GET", "/metrics", metrics, "Prometheus metrics"),
    Route("POST", "/v1/reconcile", _write("reconcile"), "Begin a pass now", AcceptedView),
    Route(
        "POST",
        "/v1/removals/confirm",
        _write("confirm_removals"),
        "Let held removals happen",
        AcceptedView,
    ),
    Route(
        "POST",
        "/v1/containers/{name}/retry",
        _write("retry"),
        "Try what failed or was rejected again",
        AcceptedView,
    ),
    Route(
        "POST",
        "/v1/containers/{name}/rollback",
        _write("rollback"),
        "Go back to the last good revision",
        AcceptedView,
    ),
    Route("POST", "/v1/containers/{name}/hold", _write("hold"), "Leave a name as it is", AcceptedView),
    Route("POST", "/v1/containers/{name}/release", _write("release"), "End its hold", AcceptedView),
)
