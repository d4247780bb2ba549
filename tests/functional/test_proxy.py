"""The proxy itself: each fault happens at the call it is armed for and at no other, and events are harmed as asked."""

import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from tests.functional.engine_side import UnixConnection, ask
from tests.functional.faults import EACH, Fault, Harm, Harmed, What, When
from tests.functional.proxy import Proxy

EVENTS = [f"event {number}" for number in range(1, 5)]


class TinyEngine(socketserver.ThreadingUnixStreamServer):
    """Answers every call with its path; on ``/events`` it tells ``EVENTS`` and goes on listening."""

    daemon_threads = True

    def __init__(self, path):
        self.acted = []
        self.leave = threading.Event()
        super().__init__(path, Answers)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return super().__enter__()

    def __exit__(self, *error):
        self.leave.set()
        self.shutdown()
        super().__exit__(*error)

    def handle_error(self, request, client_address):
        """A caller that has left does not wait for its answer."""


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.client_address = ("", 0)  # what it has over a socket is no pair

    def do_GET(self):
        if self.path.endswith("/events"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in EVENTS:
                self.wfile.write(f"{len(event) + 1:x}\r\n{event}\n\r\n".encode())
            self.server.leave.wait()
        else:
            self.act()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.act()

    def act(self):
        self.server.acted.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *args):
        """A test's output is its own."""


@pytest.fixture
def tiny(tmp_path):
    with TinyEngine(str(tmp_path / "tiny.sock")) as tiny:
        yield tiny


@pytest.fixture
def proxy(tiny, tmp_path):
    with Proxy(tiny.server_address, tmp_path / "proxy.sock") as proxy:
        yield proxy


def tell(proxy, path, method="POST"):
    """What the proxy answers, or that it did not."""
    try:
        return ask(str(proxy.path), method, path, {})
    except OSError:
        return "nothing"


def told(proxy, count):
    """The first *count* events that come through."""
    stream = UnixConnection(str(proxy.path))
    stream.request("GET", "/v1.41/events")
    answer = stream.getresponse()
    lines = [answer.readline().decode().strip() for _ in range(count)]
    stream.close()
    return lines


def test_without_a_fault_everything_comes_through(proxy, tiny):
    """Calls and answers are the engine's, and those that change something are numbered."""
    assert tell(proxy, "/v1.41/a") == (200, "/v1.41/a")
    assert tell(proxy, "/v1.41/b?x=1", "GET") == (200, "/v1.41/b?x=1")
    assert tell(proxy, "/c") == (200, "/c")
    assert [(str(call), call.number) for call in proxy.calls] == [("POST /a", 1), ("GET /b", 0), ("POST /c", 2)]
    assert proxy.seen("^POST") == 2
    assert tiny.acted == ["/v1.41/a", "/v1.41/b?x=1", "/c"]


@pytest.mark.parametrize(
    ("fault", "answers"),
    [
        (Fault(2, What.CUT), ["ok", "nothing", "ok", "ok"]),
        (Fault(2, What.CUT, on="/stop$"), ["ok", "ok", "ok", "nothing"]),
        (Fault(EACH, What.CUT, on="/stop$"), ["ok", "nothing", "ok", "nothing"]),
        (Fault(1, What.CUT, on="^GET"), ["ok", "ok", "nothing", "ok"]),
        (Fault(1, What.CUT, on="stop.t=1$"), ["ok", "ok", "ok", "nothing"]),
        (Fault(EACH, What.CUT), ["nothing", "nothing", "ok", "nothing"]),
    ],
    ids=str,
)
def test_a_fault_happens_at_its_calls_alone(proxy, fault, answers):
    """Which they are is said by the number of the call, by a pattern of it, or by both."""
    proxy.arm(fault)
    calls = [("POST", "/a/start"), ("POST", "/a/stop"), ("GET", "/a/json"), ("POST", "/b/stop?t=1")]
    found = [tell(proxy, path, method) for method, path in calls]
    assert ["nothing" if one == "nothing" else "ok" for one in found] == answers
    assert proxy.fired.wait(10)


@pytest.mark.parametrize(("when", "acted"), [(When.BEFORE, []), (When.AFTER, ["/a"])])
@pytest.mark.parametrize("what", [What.CUT, What.ANSWER, What.KILL, What.DELAY])
def test_before_or_after_says_whether_the_engine_has_acted(proxy, tiny, what, when, acted):
    """Of a delayed call it has in the end, and its own answer comes; of the others only afterwards, and never does."""
    killed = threading.Event()
    proxy.kill = killed.set
    proxy.arm(Fault(1, what, when, seconds=0.01, status=409, message="busy"))
    answer = tell(proxy, "/a")
    assert answer == {What.ANSWER: (409, '{"message": "busy"}'), What.DELAY: (200, "/a")}.get(what, "nothing")
    assert tiny.acted == (["/a"] if what is What.DELAY else acted)
    assert killed.is_set() == (what is What.KILL)


def test_a_hanging_call_lets_the_others_go_on_until_it_is_calm(proxy, tiny):
    """It is not answered at all, and once it is let go the engine has never heard of it."""
    proxy.arm(Fault(EACH, What.HANG, on="/a$"))
    answers = []
    asking = threading.Thread(target=lambda: answers.append(tell(proxy, "/a")))
    asking.start()
    assert proxy.fired.wait(10)
    assert tell(proxy, "/b") == (200, "/b")
    assert answers == []
    proxy.calm()
    asking.join(10)
    assert answers == ["nothing"]
    assert tiny.acted == ["/b"]
    assert tell(proxy, "/a") == (200, "/a")


def test_of_several_faults_each_has_its_own_count(proxy):
    """A call that one of them is not meant for is not counted for it."""
    proxy.arm(Fault(2, What.ANSWER, on="/stop$", status=500), Fault(1, What.ANSWER, on="/start$", status=409))
    calls = ["/a/stop", "/a/start", "/a/stop", "/a/start"]
    assert [tell(proxy, call)[0] for call in calls] == [200, 409, 500, 200]


def test_an_engine_that_is_away_takes_no_call(proxy):
    """What there is is cut, and nothing new is taken, until it is back."""
    proxy.away = True
    assert tell(proxy, "/a") == "nothing"
    proxy.away = False
    assert tell(proxy, "/a") == (200, "/a")


@pytest.mark.parametrize(
    ("harmed", "expected"),
    [
        (None, EVENTS),
        (Harmed(Harm.LOSE, 2), EVENTS[2:]),
        (Harmed(Harm.DOUBLE, 2), ["event 1", "event 1", "event 2", "event 2", "event 3"]),
        (Harmed(Harm.REVERSE), EVENTS[::-1]),
    ],
    ids=lambda value: value.harm.value if isinstance(value, Harmed) else "",
)
def test_events_are_harmed_as_asked(proxy, harmed, expected):
    """The first so many, or all; the rest come as they were told."""
    if harmed:
        proxy.harm(harmed)
    assert told(proxy, len(expected)) == expected
    assert harmed is None or harmed.count in (2, len(EVENTS))


def test_lost_events_leave_a_silent_stream(proxy):
    """It stays open and says nothing: nobody could tell it from one with nothing to say."""
    lost = Harmed(Harm.LOSE)
    proxy.harm(lost)
    stream = UnixConnection(str(proxy.path), 0.2)
    stream.request("GET", "/events")
    answer = stream.getresponse()
    with pytest.raises(TimeoutError):
        answer.readline()
    assert lost.count == len(EVENTS)
    stream.close()
