"""A proxy between the daemon and its engine that lets things go wrong at chosen calls.

It listens on a socket of its own and passes every request on, one connection each. Calls that change something are
numbered from 1. At the one a fault is armed for, before the engine has it or after the engine has done it, the daemon
is killed, the connection cut, the call delayed, answered with an error, or left without an answer. Events can be lost,
doubled or turned round on their way.
"""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.functional.faults import Armed, Call, Fault, Harm, Harmed, What, When, changes
from tests.functional.wire import CHUNK, Chunks, answer, asking_to_close, read_request

QUIET_SECONDS = 0.1


@dataclass
class Proxy:
    """*kill* ends the daemon at once; it is called in a thread of the proxy's."""

    engine_path: str
    path: Path
    kill: Callable[[], None] = lambda: None
    counts: Callable[[Call], bool] = changes
    calls: list[Call] = field(default_factory=list)
    harmed: Harmed | None = None
    away: bool = False

    def __post_init__(self) -> None:
        self.fired = threading.Event()
        self._armed: list[Armed] = []
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

    def arm(self, *faults: Fault) -> None:
        """Count from 1 again, and let *faults* happen at their calls; of two at one call the first one does."""
        with self._lock:
            self.calls.clear()
            self._armed = [Armed(fault) for fault in faults]
            self.fired.clear()
            self._calm.clear()

    def harm(self, harmed: Harmed) -> None:
        """Let *harmed* be what happens to the events that come from now on."""
        self.harmed = harmed

    def calm(self) -> None:
        """Let nothing more go wrong, and let go on what hangs."""
        with self._lock:
            self._armed = []
            self.harmed = None
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

    def seen(self, on: str) -> int:
        """How many calls there were that have the pattern *on*."""
        with self._lock:
            return sum(1 for call in self.calls if call.has(on))

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
        request = read_request(client)
        if request is None:
            return
        call, fault = self._noted(request)
        if fault and fault.when is When.BEFORE and self._ends(fault, client):
            return
        engine.connect(self.engine_path)
        engine.sendall(asking_to_close(request))
        if call.path == "/events":
            self._pass_events(client, engine)
            return
        data = engine.recv(CHUNK)
        if fault and fault.when is When.AFTER and self._ends(fault, client):
            return
        while data:
            client.sendall(data)
            data = engine.recv(CHUNK)

    def _noted(self, request: bytes) -> tuple[Call, Fault | None]:
        method, target = request.split(b" ", 2)[:2]
        path, _, query = target.decode().partition("?")
        call = Call(method.decode(), re.sub(r"^/v[0-9.]+", "", path), query)
        with self._lock:
            if self.counts(call):
                call = replace(call, number=1 + sum(1 for one in self.calls if one.number))
            self.calls.append(call)
            striking = [armed.fault for armed in self._armed if armed.strikes(call)]
        return call, striking[0] if striking else None

    def _ends(self, fault: Fault, client: socket.socket) -> bool:
        """Let *fault* happen; whether the exchange is over with it."""
        match fault.what:
            case What.KILL:
                self.kill()
            case What.CUT:
                client.shutdown(socket.SHUT_RDWR)
            case What.ANSWER:
                client.sendall(answer(fault.status, fault.message))
            case What.DELAY:
                self._calm.wait(fault.seconds)
            case What.HANG:
                self.fired.set()
                self._calm.wait()
        self.fired.set()
        return fault.what is not What.DELAY

    def _pass_events(self, client: socket.socket, engine: socket.socket) -> None:
        """Pass events on as they come, one a chunk, but for those that are harmed."""
        chunks = Chunks(engine)
        client.sendall(chunks.head())
        held: list[bytes] = []
        while True:
            engine.settimeout(QUIET_SECONDS if held else None)
            try:
                event = chunks.next()
            except TimeoutError:
                client.sendall(b"".join(reversed(held)))
                held.clear()
                continue
            if not event:
                return
            harm = self.harmed.next() if self.harmed else None
            match harm:
                case Harm.LOSE:
                    pass
                case Harm.REVERSE:
                    held.append(event)
                case _:
                    client.sendall(event * (2 if harm is Harm.DOUBLE else 1))
