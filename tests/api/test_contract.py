"""What ``/openapi.json`` says is so: requests made from it, good and bad ones, over the socket and over TCP.

What never ends is tested elsewhere (``test_events``, ``test_logs``) and is taken out of the description here.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager

import pytest
import schemathesis
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import unsupported_method

from paunchd.api.openapi import describe
from paunchd.api.routes import ROUTES
from tests import snapshots
from tests.api.serving import serving
from tests.ports import free_port

NAMES = ["web", "back", "once", "nobody"]
CONFIGS = ["web", "bad", "nobody"]
LONGEST_WAIT_SECONDS = 0.05
SETTINGS = {
    "seed": 23,
    "generation": {"max-examples": 10, "deterministic": True, "database": "none"},
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 503]}},
}


def described():
    """The description with the names of this node, and without what does not end soon."""
    description = describe(ROUTES)
    del description["paths"]["/v1/events"]
    of_node = {"name": {"enum": NAMES}, "config_id": {"anyOf": [{"enum": CONFIGS}, {"minLength": 1}]}}
    for operation in (one for operations in description["paths"].values() for one in operations.values()):
        operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "follow"]
        for one in operation["parameters"]:
            one["schema"] |= of_node.get(one["name"], {})
            if one["name"] == "timeout_seconds":
                one["schema"]["maximum"] = LONGEST_WAIT_SECONDS
    return description


load_all_checks()
schema = schemathesis.openapi.from_dict(described(), config=SchemathesisConfig.from_dict(SETTINGS))
reads = schema.include(method="GET").exclude(path_regex="logs")


@asynccontextmanager
async def forwarding(path, port):
    """Let HTTP clients that know no unix sockets reach the one at *path*."""

    async def copy(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def forward(reader, writer):
        there, here = await asyncio.open_unix_connection(path)
        await asyncio.gather(copy(reader, here), copy(there, writer), return_exceptions=True)

    async with await asyncio.start_server(forward, "127.0.0.1", port):
        yield


async def serve(directory, port, up, over):
    async with serving(directory, port=port) as api, forwarding(str(api.settings.socket), port + 1):
        api.board.publish(snapshots.troubled())
        api.logs.pieces = {"id-of-back": [b"one\n"]}
        up.set()
        await asyncio.to_thread(over.wait)


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    """Serve in a thread; the socket is reached by the next port."""
    found, up, over = free_port(), threading.Event(), threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("paunchd.api.wait.DEFAULT_SECONDS", LONGEST_WAIT_SECONDS)
        patch.setattr("paunchd.api.wait.LONGEST_SECONDS", LONGEST_WAIT_SECONDS)
        main = serve(tmp_path_factory.mktemp("api"), found, up, over)
        thread = threading.Thread(target=asyncio.run, args=[main])
        thread.start()
        assert up.wait(10)
        yield found
        over.set()
        thread.join(10)


@schema.parametrize()
def test_everything_over_the_socket(case, port):
    """Each answer is as described, and what the description does not allow is refused."""
    case.call_and_validate(f"http://127.0.0.1:{port + 1}")


@reads.parametrize()
def test_reads_over_tcp(case, port):
    """The same reads over TCP; of other methods it says 403, whatever the address."""
    case.call_and_validate(f"http://127.0.0.1:{port}", excluded_checks=[unsupported_method])
