"""Every address, as one table: the application and its OpenAPI description are made from it."""

from dataclasses import dataclass
from typing import Any

from aiohttp.typedefs import Handler
from pydantic import TypeAdapter

from paunchd.api import events, logs, reads, revisions, views, views_node, wait
from paunchd.api.answers import JSON
from paunchd.api.changes import Change
from paunchd.api.query import Parameter
from paunchd.api.writes import AcceptedView, write

ETAG = "ETag"


@dataclass(frozen=True, slots=True)
class Route:
    """One address. *answer* is what pydantic makes a schema of; ``None``: text of no form. *headers* come with it."""

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any = None
    media_type: str = JSON
    query: tuple[Parameter, ...] = ()
    headers: tuple[str, ...] = ()


def _read(path: str, handler: Handler, summary: str, answer: Any, query: tuple[Parameter, ...] = ()) -> Route:
    return Route("GET", path, handler, summary, answer, query=query)


def _tagged(path: str, handler: Handler, summary: str, answer: Any, query: tuple[Parameter, ...] = ()) -> Route:
    """A read that answers 304 to whoever has it already."""
    return Route("GET", path, handler, summary, answer, query=query, headers=(ETAG,))


def _write(path: str, action: str, summary: str) -> Route:
    return Route("POST", path, write(action), summary, AcceptedView)


ROUTES: tuple[Route, ...] = (
    _tagged("/v1/containers", reads.containers, "Where every name stands, and why", views.ContainersView),
    _tagged("/v1/containers/{name}", reads.container, "Everything about one name", views.ContainerDetailView),
    _read(
        "/v1/containers/{name}/history",
        reads.container_history,
        "Its revisions, and what happened to it",
        revisions.HistoryView,
    ),
    Route(
        "GET",
        "/v1/containers/{name}/logs",
        logs.logs,
        "What it has printed (unix socket only)",
        media_type="text/plain",
        query=logs.PARAMETERS,
    ),
    _read(
        "/v1/history",
        reads.history,
        "What happened last, to whomever",
        revisions.NodeHistoryView,
        reads.HISTORY_PARAMETERS,
    ),
    _tagged("/v1/plan", reads.plan, "What is to be done now", views_node.PlanView),
    _tagged("/v1/configs", reads.configs, "Where every config stands", views_node.ConfigsView),
    _tagged(
        "/v1/configs/{config_id}",
        reads.config,
        "One config; waits until that very content has settled or failed, if asked to",
        views_node.ConfigView,
        wait.PARAMETERS,
    ),
    _tagged("/v1/status", reads.status, "The node at one glance, what is wrong first", views_node.StatusView),
    Route(
        "GET",
        "/v1/events",
        events.events,
        "What changes, as it does",
        TypeAdapter(Change | events.Reset),
        "text/event-stream",
        events.PARAMETERS,
    ),
    _read("/healthz", reads.healthz, "Whether the loop is alive", reads.HealthView),
    _read("/readyz", reads.readyz, "Whether engine and directory can be read", reads.HealthView),
    Route("GET", "/metrics", reads.metrics, "Prometheus metrics", media_type="text/plain"),
    _write("/v1/reconcile", "reconcile", "Begin a pass now"),
    _write("/v1/removals/confirm", "confirm_removals", "Let held removals happen"),
    _write("/v1/containers/{name}/retry", "retry", "Try what failed or was rejected again"),
    _write("/v1/containers/{name}/rollback", "rollback", "Go back to the last good revision"),
    _write("/v1/containers/{name}/restart", "restart", "Stop it and start it again"),
    _write("/v1/containers/{name}/hold", "hold", "Leave a name as it is"),
    _write("/v1/containers/{name}/release", "release", "End its hold"),
)
