"""A proxy between the daemon and its engine that lets things go wrong at a chosen call.

It listens on a socket of its own and passes every request on, one connection each. Calls that change something are
numbered from 1. At the one a fault is armed for, before the engine has it or after the engine has done it, the daemon
is killed, the connection cut, the call delayed, answered with an error, or left without an answer.
"""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK = 65536
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Call:
    """One request. *path* is without the API's version and without its query; *number* is 0 where it is not counted."""

    method: str
    path: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class When(Enum):
    BEFORE = "before"
    AFTER = "after"


class What(Enum):
    KILL = "kill"
    CUT = "cut"
    DELAY = "delay"
    ANSWER = "answer"
    HANG = "hang"


@dataclass(frozen=True)
class Fault:
    """*what* goes wrong at the counted call *number*.

    ``AFTER`` means that the engine has acted and its answer is not passed on. ``DELAY`` lasts *seconds*, ``HANG`` until
    the proxy is calmed; ``ANSWER`` gives *status* in place of the engine's.
    """

    number: int
    what: What
    when: When = When.BEFORE
    seconds: float = 0.0
    status: int = 500

    def __str__(self) -> str:
        return f"{self.what.value} {self.when.value} call {self.number}"


def changes(call: Call) -> bool:
    """Whether *call* changes a container or what is there of them: the calls that are numbered by default."""
    return call.method in ("POST", "DELETE", "PUT") and "exec" not in call.path


def changes_or_executes(call: Call) -> bool:
    return call.method in ("POST", "DELETE", "PUT")


@dataclass
class Proxy:
    """*kill* ends the daemon at once; it is called in a thread of the proxy's."""

    engine_path: str
    path: Path
    kill: Callable[[], None] = lambda: None
    counts: Callable[[Call], bool] = changes
    calls: list[Call] = field(default_factory=list)
    fault: Fault | None = None
    away: bool = False

    def __post_init__(self) -> None:
        self.fired = threading.Event()
        self._calm = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False

    # --- what a test does -------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self.calm()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()

    def arm(self, fault: Fault | None) -> None:
        """Count from 1 again, and let *fault* happen at its number, once."""
        with self._lock:
            self.calls.clear()
            self.fault = fault
            self.fired.clear()
            self._calm.clear()

    def calm(self) -> None:
        """Let nothing more go wrong, and let go on what hangs."""
        with self._lock:
            self.fault = None
            self._calm.set()

    def cut_all(self) -> None:
        """Break every connection there is, the event stream's too; new ones are taken, unless ``away``."""
        with self._lock:
            there = list(self._open)
        for one in there:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def counted(self) -> list[Call]:
        with self._lock:
            return [call for call in self.calls if call.number]

    # --- inside -----------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.away:
                client.close()
            else:
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._lock:
            self._open |= {client, engine}
        try:
            with suppress(OSError):
                self._exchange(client, engine)
        finally:
            with self._lock:
                self._open -= {client, engine}
            client.close()
            engine.close()

    def _exchange(self, client: socket.socket, engine: socket.socket) -> None:
        request = _read_request(client)
        if request is None:
            return
        fault = self._noted(request)
        if fault and fault.when is When.BEFORE and self._ends(fault, client):
            return
        engine.connect(self.engine_path)
        engine.sendall(_asking_to_close(request))
        answer = engine.recv(CHUNK)
        if fault and fault.when is When.AFTER and self._ends(fault, client):
            return
        while answer:
            client.sendall(answer)
            answer = engine.recv(CHUNK)

    def _noted(self, request: bytes) -> Fault | None:
        method, target = request.split(b" ", 2)[:2]
        path = re.sub(r"^/v[0-9.]+", "", target.decode().partition("?")[0])
        call = Call(method.decode(), path)
        with self._lock:
            if self.counts(call):
                call = Call(call.method, call.path, 1 + sum(1 for one in self.calls if one.number))
            self.calls.append(call)
            fault = self.fault if self.fault and self.fault.number == call.number else None
            if fault:
                self.fault = None
        return fault

    def _ends(self, fault: Fault, client: socket.socket) -> bool:
        """Let *fault* happen; whether the exchange is over with it."""
        match fault.what:
            case What.KILL:
                self.kill()
            case What.CUT:
                client.shutdown(socket.SHUT_RDWR)
            case What.ANSWER:
                client.sendall(_answer(fault.status))
            case What.DELAY:
                self._calm.wait(fault.seconds)
            case What.HANG:
                self.fired.set()
                self._calm.wait()
        self.fired.set()
        return fault.what is not What.DELAY


def _read_request(client: socket.socket) -> bytes | None:
    """Read one whole request, or nothing where the client only knocked."""
    data = b""
    while HEAD_END not in data:
        more = client.recv(CHUNK)
        if not more:
            return None
        data += more
    head, _, body = data.partition(HEAD_END)
    length = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
    while length and len(body) < int(length[1]):
        more = client.recv(CHUNK)
        if not more:
            return None
        body += more
    return head + HEAD_END + body


def _asking_to_close(request: bytes) -> bytes:
    """One request a connection: then the end of an answer is the end of its stream, whatever kind it is."""
    head, _, body = request.partition(HEAD_END)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + HEAD_END + body


def _answer(status: int) -> bytes:
    body = b'{"message": "made up by the proxy"}'
    head = f"HTTP/1.1 {status} Made Up\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
