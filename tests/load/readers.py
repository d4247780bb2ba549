"""Readers of the API that keep their connections open: each asks for the list of containers every so often.

``python -m tests.load.readers PORT COUNT EVERY CONDITIONAL FILE`` is them, as a process of its own so that nobody
else's work delays them, and yielding, so that they do not take the node's processors, which they had not elsewhere
either: until SIGTERM. Where CONDITIONAL is 1, they say which list they have. `Readers` starts it.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.load.visitors import ROOT

PATIENCE_SECONDS = 60.0
CONNECTING_AT_ONCE = 50
TICK_SECONDS = 0.05
YIELDING = 19
_REQUEST = "GET /v1/containers HTTP/1.1\r\nHost: localhost\r\n{}\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_TAG = re.compile(rb'\r\netag: ("[^"]+")', re.IGNORECASE)


@dataclass
class Told:
    """*seconds* from each request to its whole answer, *late* how late the readers' own loop was, at each tick."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    cut_off: int = 0


class Readers:
    """As a context manager they read for as long as the block lasts, from when all are connected; then *told* is."""

    def __init__(self, port: int, count: int, file: Path, *, every_seconds: float = 1.0, conditional: bool = False):
        self.told = Told()
        self._file = file
        self._words = [str(port), str(count), str(every_seconds), str(int(conditional)), str(file)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.load.readers", *self._words]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout
        assert self._process.stdout.readline() == b"connected\n", "the readers could not connect"
        return self

    def wait_for_answers(self) -> None:
        """Wait until each of them has been answered once; to be called once."""
        assert self._process
        assert self._process.stdout
        assert self._process.stdout.readline() == b"answered\n", "not every reader was answered"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process
        assert self._process.stdout
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE_SECONDS)
        self._process.stdout.close()
        assert code == 0, f"the readers ended with {code}"
        found = json.loads(self._file.read_text())
        self.told = Told(**{**found, "statuses": Counter(found["statuses"])})


class _Reader(asyncio.Protocol):
    """Asks with bytes made beforehand, and looks at no more of an answer than where it ends."""

    def __init__(self, told: Told, every_seconds: float, *, conditional: bool) -> None:
        self._told, self._every, self._conditional = told, every_seconds, conditional
        self._request = _REQUEST.format("").encode()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = 0
        self._sent = 0.0
        self.answered = self._loop.create_future()
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._told.cut_off += not self.leaving

    def leave(self) -> None:
        self.leaving = True
        if self._transport:
            self._transport.abort()

    def begin(self, due: float) -> None:
        self._loop.call_at(due, self._ask, due)

    def _ask(self, due: float) -> None:
        self.begin(due + self._every)
        if self._transport and not self._sent:  # whoever still waits for an answer asks for no other
            self._sent = time.perf_counter()
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                return
            data = self._begin_answer()
        self._left -= len(data)
        if not self._left:
            self._told.seconds.append(time.perf_counter() - self._sent)
            self._sent = 0.0
            if not self.answered.done():
                self.answered.set_result(None)

    def _begin_answer(self) -> bytes:
        head, _, body = self._head.partition(b"\r\n\r\n")
        self._head = b""
        self._told.statuses[head[9:12].decode()] += 1
        length, tag = _LENGTH.search(head), _TAG.search(head)
        self._left = int(length[1]) if length else 0
        if self._conditional and tag:
            self._request = _REQUEST.format(f"If-None-Match: {tag[1].decode()}\r\n").encode()
        return body


async def _say_answered(readers: list[_Reader]) -> None:
    await asyncio.gather(*(reader.answered for reader in readers))
    print("answered", flush=True)


async def _watch_lag(told: Told) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        told.late.append(loop.time() - due)


async def _read(port: int, count: int, every_seconds: float, *, conditional: bool) -> Told:
    told, over, loop = Told(), asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    turns = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect() -> _Reader:
        async with turns:
            made = lambda: _Reader(told, every_seconds, conditional=conditional)  # noqa: E731 - a factory, said once
            return (await loop.create_connection(made, "127.0.0.1", port))[1]

    readers = await asyncio.gather(*(connect() for _ in range(count)))
    began = loop.time()
    for number, reader in enumerate(readers):
        reader.begin(began + every_seconds * number / count)
    print("connected", flush=True)
    beside = [asyncio.create_task(_watch_lag(told)), asyncio.create_task(_say_answered(readers))]
    await over.wait()
    for task in beside:
        task.cancel()
    for reader in readers:
        reader.leave()
    return told


if __name__ == "__main__":
    os.nice(YIELDING)
    _port, _count, _every, _conditional, _file = sys.argv[1:]
    _told = asyncio.run(_read(int(_port), int(_count), float(_every), conditional=_conditional == "1"))
    Path(_file).write_text(json.dumps(vars(_told)))
