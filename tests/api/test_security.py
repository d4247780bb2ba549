"""Who may ask what, and what is never answered."""

import asyncio
import io
import logging

import aiohttp
import pytest
import structlog

from paunchd.api.routes import ROUTES
from paunchd.log import setup_logging
from paunchd.settings import LogSettings
from tests import snapshots
from tests.snapshots import SECRET

READS = [route.path for route in ROUTES if route.method == "GET"]
WRITES = [route.path for route in ROUTES if route.method == "POST"]


@pytest.mark.parametrize("path", [*WRITES, "/v1/containers", "/nowhere"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_tcp_reads_only(api, path, method):
    """Over TCP every method that is no read is refused, and nothing is done."""
    status, problem = await api.json(path.format(name="web"), method=method, tcp=True)
    assert (status, problem["title"]) == (403, "Read only")
    assert api.operator.asked == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("evil.example:80", 403),
        ("localhost.evil.example", 403),
        ("localhost:80@evil.example", 403),
        ("10.0.0.1", 403),
        ("", 403),
    ],
)
async def test_rebinding(api, host, expected):
    """Over TCP a Host that is not this node's own is refused, whatever it resolves to."""
    async with api.ask("/v1/containers", tcp=True, headers={"Host": host}) as answer:
        assert answer.status == expected


async def test_no_host_at_all(api):
    """An HTTP/1.0 request without a Host is refused over TCP."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(b"GET /v1/containers HTTP/1.0\r\n\r\n")
    assert b" 403 " in await reader.readline()
    writer.close()


async def test_no_cors(api):
    """No answer invites a browser of another origin."""
    async with api.ask("/v1/containers", tcp=True, headers={"Origin": "http://evil.example"}) as answer:
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1/containers/../../etc/passwd",
        "/v1/containers/..%2f..%2fetc%2fpasswd",
        "/v1/containers/%00",
    ],
)
@pytest.mark.parametrize("tcp", [False, True])
async def test_strange_paths(api, path, tcp):
    """What is no address of this API is refused as problem+json."""
    async with api.ask(path, tcp=tcp) as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"


async def test_wrong_method(api):
    """A wrong method over the socket is refused with the right ones."""
    async with api.ask("/v1/containers", method="DELETE") as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        assert answer.content_type == "application/problem+json"


async def test_huge_query(api):
    """A query of a megabyte is refused, and the next request is answered."""
    try:
        async with api.ask("/v1/containers?x=" + "a" * 1_000_000) as answer:
            assert answer.status == 431
    except aiohttp.ClientError:
        pass
    assert (await api.json("/v1/containers"))[0] == 200


async def test_planted_secrets_stay_inside(api):
    """No answer and no log line shows an environment value, a command or an env_file."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    setup_logging(LogSettings(level="debug"), stream)
    said = ""
    try:
        for snapshot in (snapshots.troubled(), snapshots.planned(), snapshots.settled()):
            api.board.publish(snapshot)
            names = [(name, config) for name in snapshot.plan.statuses for config in snapshot.desired.configs]
            for path in {p.format(name=n, config_id=c) for p in READS for n, c in names} - {"/v1/events"}:
                async with api.ask(path) as answer:
                    said += await answer.text()
        told = [entry.change.model_dump_json() for entry in api.board.journal.after(0)]
        said += "".join(told)
        await api.json("/v1/containers/web/hold", method="POST")
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = before
        logging.captureWarnings(capture=False)
    assert "registry/app:1" in said
    assert "write_requested" in stream.getvalue()
    assert SECRET not in said + stream.getvalue()
    assert len(told) > len(names)
