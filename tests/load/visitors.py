"""Visitors of a service: at a steady rate, whether they are answered or not, each with a connection of its own.

``python -m tests.load.visitors PORT RATE SECONDS FILE`` is them, as a process of its own so that nobody else's work
delays them: until SIGTERM, for SECONDS at most. `Visitors` starts it and reads what it has written.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import count, takewhile
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 5.0
LAST_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Visit:
    """*due* is when the request was to be made, *sent* when it was, *ended* when its fate was known, as wall times.

    *answer* is the version that answered, empty where none did; *fault* then says why.
    """

    due: float
    sent: float
    ended: float
    answer: str = ""
    fault: str = ""


class Visitors:
    """As a context manager they visit for as long as the block lasts; *visits* is complete after it."""

    def __init__(self, port: int, rate: int, file: Path, *, longest_seconds: float = 900) -> None:
        self.visits: list[Visit] = []
        self._file = file
        self._words = [str(port), str(rate), str(longest_seconds), str(file)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._file.write_text("")
        self._process = subprocess.Popen([sys.executable, "-m", "tests.load.visitors", *self._words], cwd=ROOT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(LAST_ANSWER_SECONDS)
        assert code == 0, f"the visitors ended with {code}"
        self.visits = [Visit(**json.loads(line)) for line in self._lines()]

    def answered_since(self, moment: float = 0.0) -> bool:
        """Whether a request that was sent after *moment*, a wall time, has been answered."""
        newest_first = (Visit(**json.loads(line)) for line in reversed(self._lines()))
        recent = takewhile(lambda visit: visit.ended > moment, newest_first)
        return any(visit.answer and visit.sent > moment for visit in recent)

    def _lines(self) -> list[str]:
        return [line for line in self._file.read_text().splitlines(keepends=True) if line.endswith("\n")]


def longest_outage(visits: list[Visit]) -> float:
    """Seconds from the last answer before any fault to the first one after it; 0 without a fault."""
    longest, last, failed = 0.0, None, False
    for visit in sorted(visits, key=lambda one: one.ended):
        if visit.answer and failed and last is not None:
            longest = max(longest, visit.ended - last)
        failed = not visit.answer
        last = visit.ended if visit.answer else last
    return longest


async def _visit(session: aiohttp.ClientSession, url: str, due: float) -> Visit:
    sent = time.time()
    try:
        async with session.get(url) as answer:
            said = await answer.text()
            fault = "" if answer.status == 200 and said.startswith("v") else f"{answer.status}: {said[:80]}"
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Visit(due, sent, time.time(), fault=repr(error))
    return Visit(due, sent, time.time(), fault=fault, answer="" if fault else said)


async def _visit_on(port: int, rate: int, longest_seconds: float, file: Path) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    connections = aiohttp.TCPConnector(force_close=True, limit=0)
    patience = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    began = time.time()
    with file.open("w", buffering=1) as told:

        async def visit(due: float) -> None:
            told.write(json.dumps(asdict(await _visit(session, f"http://127.0.0.1:{port}/", due))) + "\n")

        async with (
            aiohttp.ClientSession(connector=connections, timeout=patience) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for number in count():
                due = began + number / rate
                await asyncio.sleep(due - time.time())
                if over.is_set() or due - began > longest_seconds:
                    return
                tasks.create_task(visit(due))


if __name__ == "__main__":
    _port, _rate, _seconds, _file = sys.argv[1:]
    asyncio.run(_visit_on(int(_port), int(_rate), float(_seconds), Path(_file)))
