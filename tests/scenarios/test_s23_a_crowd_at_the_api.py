"""S-23: a crowd at the API, and bad company among it, while a container is replaced."""

import json
import resource
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.load.readers import Readers
from tests.ports import free_port
from tests.scenarios.scenario import SECRET, service

pytestmark = pytest.mark.engine

READERS = 1000
SLOW = 20
FILES = 8192
ANSWER_SECONDS = 30
MARGIN_FILES = 16
HOST = b"Host: localhost\r\n"
BAD = {
    "a page that has its name resolve to this node": (
        b"GET /v1/containers HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        403,
    ),
    "a page that does, with our port": (b"GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n", 403),
    "a write": (b"POST /v1/reconcile HTTP/1.1\r\n" + HOST + b"\r\n", 403),
    "a write to a name": (b"POST /v1/containers/web/hold HTTP/1.1\r\n" + HOST + b"\r\n", 403),
    "a method that nobody knows": (b"BREW /v1/containers HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a look at logs": (b"GET /v1/containers/web/logs HTTP/1.1\r\n" + HOST + b"\r\n", 403),
    "a way out of the tree": (b"GET /v1/../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a way out, disguised": (b"GET /v1/containers/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a name that ends early": (b"GET /v1/containers/%00 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a huge query": (b"GET /v1/containers?x=" + b"x" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    "a query of no meaning": (b"GET /v1/containers?x=1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a huge header": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 100_000 + b"\r\n\r\n", 431),
    "a huge body": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 99999\r\n\r\n" + b"x" * 99_999, 413),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
}


@pytest.fixture(autouse=True)
def _as_many_files_as_the_unit_gives():
    """Under fewer, a daemon keeps fewer connections open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def answer_to(port, said):
    """The status, the media type and the body that *said* is answered with."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        connection.sendall(said)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, json.loads(body)


@contextmanager
def slow_ones(port):
    """Some ask and never take the answers, some never come to the end of asking, some wait for events."""
    asks = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
    begins = b"GET /v1/containers HTTP/1.1\r\nX: "
    with ExitStack() as all_of_them:
        for said in (asks * 400, begins, b"GET /v1/events HTTP/1.1\r\n" + HOST + b"\r\n"):
            for _ in range(SLOW):
                one = all_of_them.enter_context(socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                one.setblocking(False)
                one.send(said)
        yield


def files(node):
    return len([*Path(f"/proc/{node.pid}/fd").iterdir()])


def test_s23_a_crowd_at_the_api_delays_nobody_and_gets_nothing_it_should_not(scenario, tmp_path):
    """A thousand readers are answered, a rollout among them is carried out, and bad company is refused and told why."""
    port = free_port()
    with scenario.step("a good container runs") as node:
        scenario.configure(api__listen=[f"127.0.0.1:{port}"])
        node.start()
        node.write("app", {"web": service()})
        node.proves()
        good, before, lags = node.id("web"), files(node), node.metric("paunchd_event_loop_lag_seconds_count")
    with Readers(port, READERS, tmp_path / "readers") as crowd, slow_ones(port):
        with scenario.step("with a thousand readers and many slow ones, it is replaced"):
            node.write("app", {"web": service(environment={"V": "2"})})
            node.proves()
            assert node.id("web") != good
            assert node.detail("web")["rejected"] == []
        with scenario.step("what is bad is refused, and says why"):
            for what, (said, status) in BAD.items():
                code, head, problem = answer_to(port, said)
                assert (code, problem["status"]) == (status, status), f"{what}: {code} {problem}"
                assert b"application/problem+json" in head, what
                assert problem["detail"], what
        with scenario.step("each reader is answered meanwhile"):
            crowd.wait_for_answers()
        with scenario.step("nothing of it was done, and whoever may write can"):
            assert not node.detail("web")["hold"]
            node.passes(1)
    with scenario.step("no reader was refused or cut off"):
        assert set(crowd.told.statuses) == {"200"}
        assert crowd.told.cut_off == 0
    with scenario.step("afterwards the daemon is well, and has let go of all of them"):
        assert node.status_of("/healthz")[0] == 200
        assert node.metric("paunchd_event_loop_lag_seconds_count") > lags
        node.eventually(lambda: files(node) <= before + MARGIN_FILES)
    with scenario.step("the store, where the definitions are, is the owner's alone"):
        kept = [path for path in node.state_dir.iterdir() if path.is_file()]
        assert any(SECRET.encode() in path.read_bytes() for path in kept)
        assert {path.stat().st_mode & 0o077 for path in [node.state_dir, *kept]} == {0}
    scenario.holds()
