"""What one client can take of a listener is bounded, and what it can say at all is understood or refused."""

import asyncio
import json
from contextlib import suppress

import pytest
import structlog

from paunchd.api.connection import most_connections
from tests import snapshots
from tests.api.serving import serving

READ = b"GET /v1/containers HTTP/1.1\r\nHost: localhost\r\n"


class Raw:
    """A connection without an HTTP client's good manners."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def answer(self, said=b""):
        """Say *said*; the status, the headers and the body that come back."""
        self.writer.write(said)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def is_closed(self):
        """Wait for the end; whatever else came before it is taken."""
        with suppress(ConnectionError):
            await self.reader.read()
        return True


@pytest.fixture
async def connect():
    """Connect to an API's port or socket; all is closed in the end."""
    made = []

    async def connect(api, *, tcp=True, limit=2**16):
        if tcp:
            opened = asyncio.open_connection("127.0.0.1", api.port, limit=limit)
        else:
            opened = asyncio.open_unix_connection(str(api.settings.socket), limit=limit)
        made.append(Raw(*await opened))
        return made[-1]

    yield connect
    for one in made:
        one.writer.transport.abort()
    await asyncio.sleep(0)


@pytest.fixture
async def api(tmp_path, monkeypatch):
    for name in ("connection.IDLE_SECONDS", "connection.PATIENCE_SECONDS", "security.BODY_SECONDS"):
        monkeypatch.setattr(f"paunchd.api.{name}", 0.3)
    async with asyncio.timeout(30), serving(tmp_path) as running:
        running.board.publish(snapshots.troubled())
        yield running


def refused(found, status):
    code, headers, body = found
    assert (code, headers["content-type"], headers["server"]) == (status, "application/problem+json", "paunchd")
    assert json.loads(body)["status"] == status
    return json.loads(body)["detail"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v1/containers HTTP/1.1\r\nHost localhost\r\n\r\n", 400),
        (b"GET /v1/containers HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (READ + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (READ + b"Content-Length: -1\r\n\r\n", 400),
        (READ + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (READ + b"X: " + b"x" * 10_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (READ + b"X: x\r\n" * 1000 + b"\r\n", 400),
        (READ + b"Content-Length: 65537\r\n\r\n" + b"x" * 65_537, 413),
        (READ + b"Expect: a miracle\r\n\r\n", 417),
    ],
)
@pytest.mark.parametrize("tcp", [False, True])
async def test_what_is_no_request(api, connect, said, status, tcp):
    """It is refused as everything else is, and the next one is answered."""
    one = await connect(api, tcp=tcp)
    refused(await one.answer(said), status)
    assert (await api.json("/v1/containers", tcp=tcp))[0] == 200


async def test_what_is_no_http_is_not_logged(api, connect, caplog):
    """Whoever can connect could fill the log otherwise, with words of his own."""
    refused(await (await connect(api)).answer(b"fill the log\r\n\r\n"), 400)
    assert caplog.text == ""


async def test_a_defect_is_logged_and_not_shown(api, monkeypatch):
    """Whatever went wrong inside is the log's, and the next request is answered."""

    async def fail(**_):
        raise RuntimeError("inside")

    monkeypatch.setattr(api.operator, "reconcile", fail, raising=False)
    with structlog.testing.capture_logs() as logged:
        status, problem = await api.json("/v1/reconcile", method="POST")
    assert (status, problem["title"], "inside" in json.dumps(problem)) == (500, "Defect", False)
    assert [line["event"] for line in logged] == ["write_requested", "request_failed"]


async def test_a_body_is_taken_in_and_means_nothing(api, connect):
    """Clients that cannot but send one are answered."""
    one = await connect(api)
    for said in (b"Content-Length: 2\r\n\r\n{}", b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"):
        assert (await one.answer(READ + said))[0] == 200


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_request_that_comes_byte_by_byte_is_cut_off(api, connect, tcp):
    """It keeps its connection no longer than an idle one is kept, however busy it looks."""
    one = await connect(api, tcp=tcp)

    async def trickle():
        while True:
            one.writer.write(b"x")
            await asyncio.sleep(0.02)

    one.writer.write(READ + b"X: ")
    trickling = asyncio.create_task(trickle())
    assert await one.is_closed()
    trickling.cancel()


async def test_a_body_that_comes_byte_by_byte_is_refused(api, connect):
    """Whoever announces a body and does not send it is told so."""
    one = await connect(api)
    assert "after 0.3 s" in refused(await one.answer(READ + b"Content-Length: 10\r\n\r\nx"), 408)
    assert await one.is_closed()


async def test_an_idle_connection_is_closed(api, connect):
    """Before the first request as after one."""
    never, once = await connect(api), await connect(api)
    assert (await once.answer(READ + b"\r\n"))[0] == 200
    assert await never.is_closed()
    assert await once.is_closed()


async def test_a_reader_that_takes_nothing_is_cut_off(api, connect):
    """Also of answers that end: it asks and asks, and the answers pile up until its time is over."""
    one = await connect(api, limit=1024)
    one.writer.transport.pause_reading()
    one.writer.write((READ + b"\r\n") * 5000)
    with pytest.raises(ConnectionError):
        await asks_for_ever(one)


async def asks_for_ever(one):
    while True:
        one.writer.write(READ + b"\r\n")
        await one.writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("flooded", [False, True])
async def test_connections_are_bounded_for_each_listener(connect, tmp_path, monkeypatch, flooded):
    """One more than the bound is told so, the other listener has its own, and one that ends makes room."""
    monkeypatch.setattr("paunchd.api.connection.MOST_CONNECTIONS", 3)
    async with asyncio.timeout(30), serving(tmp_path) as api:
        api.board.publish(snapshots.settled())
        full = [await connect(api, tcp=flooded) for _ in range(3)]
        for one in full:
            assert (await one.answer(READ + b"\r\n"))[0] == 200
        late = await connect(api, tcp=flooded)
        code, headers, body = await late.answer()
        assert (code, headers["retry-after"], json.loads(body)["title"]) == (503, "1", "Too many")
        assert await late.is_closed()
        assert (await api.json("/v1/containers", tcp=not flooded))[0] == 200
        full.pop().writer.close()
        while (await api.json("/v1/containers", tcp=flooded))[0] == 503:  # noqa: ASYNC110 - the server sees the end in its own time
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("files", "most"), [(900, 300), (100_000, 2048), (-1, 2048)])
def test_connections_never_take_all_files(monkeypatch, files, most):
    """With few files there are fewer connections."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    assert most_connections() == most
