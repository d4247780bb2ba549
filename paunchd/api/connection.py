"""Bounds what one connection may take, and how many there are; and answers what is no HTTP.

Idle for ``IDLE_SECONDS``, or no whole request in that time: it is closed. A reader that leaves what was written to it
for ``PATIENCE_SECONDS`` is cut off. Over the bound a connection is told so, and costs no more than that.
"""

import asyncio
import json
import resource
from typing import Final

import structlog
from aiohttp import http_exceptions, web

from paunchd.api.errors import MEDIA_TYPE, problem, problem_body, refusal
from paunchd.api.security import HEADERS

IDLE_SECONDS = 15.0
PATIENCE_SECONDS = 20.0
LINGERING_SECONDS = 2.0
MOST_CONNECTIONS = 2048
_SHARE_OF_FILES = 3
_MOST_LINE_BYTES: Final = 8190

log = structlog.get_logger()


def most_connections() -> int:
    """How many a listener keeps open: never more than a third of this process's files, so that the other listener and
    the engine are left theirs.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, files // _SHARE_OF_FILES)


class BoundedServer(web.Server):
    """Answers as *server* does, over at most *most* connections."""

    def __init__(self, server: web.Server, most: int) -> None:
        super().__init__(self._answer, request_factory=server.request_factory, handler_cancellation=True)
        self._served = server.request_handler
        self._most = most
        self.refusal = _refusal(most)

    @property
    def is_full(self) -> bool:
        return len(self.connections) >= self._most

    def __call__(self) -> "Connection":
        return Connection(self)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._served(request)
        except web.HTTPException as error:  # what is refused before any middleware is asked
            return refusal(request, error)


class Connection(web.RequestHandler):
    """One of *server*'s."""

    __slots__ = ("_cut_off", "_server")

    def __init__(self, server: BoundedServer) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # aiohttp's own way to say "none"
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGERING_SECONDS,
            max_line_size=_MOST_LINE_BYTES,
            max_field_size=_MOST_LINE_BYTES,
            auto_decompress=False,
        )
        self._server = server
        self._cut_off: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._server.is_full and isinstance(transport, asyncio.WriteTransport):
            transport.write(self._server.refusal)
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget_cut_off()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.transport is not None:
            self._cut_off = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._forget_cut_off()
        super().resume_writing()

    def _forget_cut_off(self) -> None:
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002 - aiohttp's signature
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's words show what was sent, and go into no answer or log
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and what a defect has left without an answer."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        match exc:
            case http_exceptions.LineTooLong():
                made = problem(431, "Too long", f"no line of a request may have more than {_MOST_LINE_BYTES} bytes")
            case http_exceptions.HttpProcessingError():
                made = problem(400, "Bad request", "this is no HTTP")
            case _:
                log.error("request_failed", method=request.method, path=request.path, exc_info=exc)
                made = problem(500, "Defect", "the daemon's log has it")
        made.headers.update(HEADERS)
        made.force_close()
        return made


def _refusal(most: int) -> bytes:
    body = json.dumps(problem_body(503, "Too many", f"{most} connections are open already")).encode()
    head = ("HTTP/1.1 503 Service Unavailable", f"Content-Type: {MEDIA_TYPE}", f"Content-Length: {len(body)}")
    return "\r\n".join((*head, "Retry-After: 1", "Connection: close", "", "")).encode() + body
