"""Counts what is asked and answered, by route template: a path that somebody makes up is no label."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from paunchd.metrics import Metrics

METHODS = frozenset({"GET", "HEAD", "POST"})


def counting(metrics: Metrics) -> Middleware:
    """Make the outermost middleware, so that refusals count as they are answered; ``aborted``: nobody waited for it."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "other"
        method = request.method if request.method in METHODS else "other"
        status = "5xx"
        metrics.request_began(route)
        try:
            response = await handler(request)
            status = f"{response.status // 100}xx"
        except asyncio.CancelledError:
            status = "aborted"
            raise
        else:
            return response
        finally:
            metrics.request_ended(route, method, status)

    return count
