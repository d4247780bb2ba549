"""A daemon of which a test says what it answers, at a unix socket; it notes what it was asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

View = dict[str, Any]


def config(**fields: Any) -> View:
    """The answer to a wait; settled, where *fields* say nothing else."""
    known = {"config_id": "heat-overcloud-Step4", "broken": None, "warnings": [], "names": ["web"], "failed_names": []}
    return {**known, "waited": "settled", "settled": True, "failed": False, **fields}


def failed(*names: str, **fields: Any) -> View:
    known = {"names": [*names], "failed_names": [*names]}
    return config(waited="failed", settled=False, failed=True, **{**known, **fields})


def container(name: str = "web", **fields: Any) -> View:
    known = {
        "name": name,
        "state": "running",
        "reason": "",
        "settled": True,
        "image": "registry.example/web:1",
        "blocked_by": [],
        "desired_hash": "v1:new",
        "running_hash": "v1:old",
        "desired_image": "registry.example/web:2",
        "rejected": [],
        "results": [],
        "engine_containers": [],
    }
    return {**known, **fields}


class FakeDaemon:
    """*waits* are answered in turn, and the last again: a view, a status, or text as it is. ``None``: not known.

    *later*: the containers as they are once a wait was answered.
    """

    def __init__(self) -> None:
        self.waits: list[View | int | str | None] = [config()]
        self.containers: dict[str, View] = {}
        self.later: dict[str, View] = {}
        self.logs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.queries: list[dict[str, str]] = []

    def has(self, *rows: View) -> None:
        self.containers = {row["name"]: row for row in rows}

    @asynccontextmanager
    async def listening(self, socket: Path) -> AsyncIterator["FakeDaemon"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, str(socket)).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        match request.path.removeprefix("/v1/").split("/"):
            case ["configs", _] if "wait" in request.query:
                self.queries.append(dict(request.query))
                self.containers = {**self.containers, **self.later}
                answer = self.waits.pop(0) if len(self.waits) > 1 else self.waits[0]
                known = {"digest": request.query["digest"]}  # it has read what it is asked for
                return _response({**known, **answer} if isinstance(answer, dict) else answer)
            case ["containers"]:
                return _response({"containers": [*self.containers.values()]})
            case ["containers", name]:
                return _response(self.containers.get(name))
            case ["containers", name, "logs"]:
                return web.Response(body=self.logs.get(name, b""), status=200 if name in self.logs else 404)
            case ["containers", _, "retry"]:
                return _response({"accepted": "retry"})
            case ["status"]:
                return _response({"summary": "1 waiting, 1 name, not settled"})
        return _response(None)


def _response(answer: View | int | str | None) -> web.Response:
    match answer:
        case None:
            return web.json_response({"detail": "not found"}, status=404)
        case int():
            return web.json_response({"detail": "not now"}, status=answer)
        case str():
            return web.Response(text=answer)
    return web.json_response(answer)
