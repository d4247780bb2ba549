"""Builds the application one listener answers with."""

import json
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler

from paunchd.api.count import counting
from paunchd.api.errors import problems
from paunchd.api.openapi import describe
from paunchd.api.routes import RENDERED, ROUTES, SOURCES, WAITERS, Rendered, Route, Sources, Waiters
from paunchd.api.security import MAX_BODY_BYTES, guard_tcp


def make_app(sources: Sources, tcp_hosts: Collection[str] | None = None) -> web.Application:
    """Build the application for the unix socket or, with *tcp_hosts*, the read-only one for these."""
    guards = [] if tcp_hosts is None else [guard_tcp(tcp_hosts)]
    app = web.Application(middlewares=[counting(sources.metrics), problems, *guards], client_max_size=MAX_BODY_BYTES)
    app[SOURCES], app[WAITERS], app[RENDERED] = sources, Waiters(), Rendered()
    app.on_response_prepare.append(_harden)
    openapi = Route("GET", "/openapi.json", _openapi(), "This description")
    for route in (*ROUTES, openapi):
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    return app


def _openapi() -> Handler:
    body = json.dumps(describe(ROUTES)).encode()

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return openapi


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Server"] = "paunchd"
