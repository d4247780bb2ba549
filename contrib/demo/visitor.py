"""Somebody who uses the service: asks its port again and again, from outside the engine, and takes down each answer."""

import http.client
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 0.01
_PATIENCE_SECONDS = 1.0
_STRIP_SLICES = 60
_SLICE_SECONDS = 0.1


@dataclass(frozen=True)
class Outage:
    """From the last answer before to the first one after, as wall times."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Visitor:
    """As a context manager it asks for as long as the block lasts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._answers: list[tuple[float, bool]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def served(self) -> bool:
        """Whether the last request was answered."""
        return bool(self._answers) and self._answers[-1][1]

    def outages(self, since: float) -> list[Outage]:
        """The times without an answer that are over."""
        found: list[Outage] = []
        last: float | None = None
        failed = False
        for at, answered in [one for one in self._answers if one[0] >= since]:
            if answered and failed and last is not None:
                found.append(Outage(last, at))
            failed = not answered
            last = at if answered else last
        return found

    def longest(self, since: float) -> Outage | None:
        return max(self.outages(since), key=lambda outage: outage.seconds, default=None)

    def count(self, since: float) -> tuple[int, int]:
        """How many requests were answered, and how many made."""
        seen = [answered for at, answered in self._answers if at >= since]
        return sum(seen), len(seen)

    def strip(self) -> str:
        """The last seconds as a row of marks, a slice of time each: all answered, or not."""
        now = time.time()
        slices: list[list[bool]] = [[] for _ in range(_STRIP_SLICES)]
        for at, answered in reversed(self._answers):
            index = int((now - at) / _SLICE_SECONDS)
            if index >= _STRIP_SLICES:
                break
            slices[index].append(answered)
        return "".join(" " if not part else "█" if all(part) else "░" for part in reversed(slices))

    def _ask_on(self) -> None:
        while not self._over.is_set():
            self._answers.append((time.time(), self._ask()))
            time.sleep(_EVERY_SECONDS)

    def _ask(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
