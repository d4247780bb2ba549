"""Builds the application one listener answers with."""

import json
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler

from paunchd.api import events, logs, reads
from paunchd.api.answers import RENDERED, Rendered
from paunchd.api.count import counting
from paunchd.api.errors import problems
from paunchd.api.openapi import describe
from paunchd.api.page import PAGES
from paunchd.api.query import refuse_strange
from paunchd.api.routes import ROUTES, Route
from paunchd.api.security import HEADERS, MAX_BODY_BYTES, bounded_body, guard_tcp
from paunchd.api.sources import SOURCES, Places, Sources
from paunchd.engine.protocol import LOGS_AT_ONCE


def make_app(sources: Sources, tcp_hosts: Collection[str] | None = None) -> web.Application:
    """Build the application for the unix socket or, with *tcp_hosts*, the read-only one for these."""
    guards = [] if tcp_hosts is None else [guard_tcp(tcp_hosts)]
    middlewares = [counting(sources.metrics), problems, *guards, bounded_body]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    app[SOURCES], app[RENDERED] = sources, Rendered()
    app[reads.WAITERS] = Places(reads.MAX_WAITERS, "waiting requests")
    app[events.STREAMS] = Places(events.MAX_STREAMS, "event streams")
    app[logs.READERS] = Places(LOGS_AT_ONCE, "logs")
    app.on_response_prepare.append(_harden)
    openapi = Route("GET", "/openapi.json", _openapi(), "This description")
    for route in (*ROUTES, openapi):
        handler = _knowing(route)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, handler)
    for path, page in PAGES.items():
        app.router.add_get(path, page)
    return app


def _knowing(route: Route) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        refuse_strange([name for name, _ in request.query.items()], route.query)
        return await route.handler(request)

    return answer


def _openapi() -> Handler:
    body = json.dumps(describe(ROUTES)).encode()

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return openapi


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
