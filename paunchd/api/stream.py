"""Answers that go on: bytes over a connection whose reader may be slow, or gone."""

from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from paunchd.errors import PaunchdError


async def send(
    request: web.Request, pieces: AsyncIterator[bytes], content_type: str, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """Answer with *pieces* as they come.

    A reader whose answer breaks off is cut off, or he would take it for whole.
    """
    answer = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})
    answer.content_type, answer.charset = content_type, "utf-8"
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer
    try:
        async for piece in pieces:
            await answer.write(piece)
    except PaunchdError:
        if request.transport:
            request.transport.abort()
    return answer
