"""What goes wrong between the daemon and its engine, and where the daemon is killed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paunchd.errors import Conflict, EngineUnavailable
from tests.histories.engine import LivelyEngine

CHANGES = ("create", "start", "stop", "kill", "unpause", "remove", "rename", "update", "run_exec", "pull")
HANG_SECONDS = {"inspect": 5.0}
LONGEST_HANG_SECONDS = 30.0


class Killed(BaseException):
    """Ends every part of a daemon at once; nothing of ours may catch it."""


@dataclass(frozen=True)
class Strike:
    """Kill the daemon right *when* (before, after) its change or write *number* from now, and be *gone* seconds."""

    what: str
    number: int
    when: str
    gone: float = 0.0

    def __str__(self) -> str:
        return f"the daemon will be killed {self.when} its {self.what} {self.number}, and gone for {self.gone:g} s"


@dataclass(frozen=True)
class Trouble:
    """The call of *verb* after *skipped* others meets *what*: ``error``, ``conflict``, ``hang``, ``lost`` (the engine
    acts and its answer is lost) or ``slow``.
    """

    verb: str
    what: str
    skipped: int = 0

    def __str__(self) -> str:
        return f"the engine's {self.verb}, after {self.skipped} more: {self.what}"


@dataclass
class Wire:
    """All that may befall one node's calls and writes; the same for each daemon in turn."""

    troubles: list[Trouble] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    disk_full: bool = False
    counted: dict[str, int] = field(default_factory=dict)

    def trouble(self, verb: str) -> str:
        """What this call of *verb* meets; empty where nothing."""
        met = ""
        left = []
        for one in self.troubles:
            if one.verb != verb:
                left.append(one)
            elif one.skipped or met:
                left.append(Trouble(one.verb, one.what, max(0, one.skipped - 1)))
            else:
                met = one.what
        self.troubles = left
        return met

    def count(self, what: str) -> int:
        """Number this change or write from the time the next strike has been waited for."""
        if self.strikes:
            self.counted[what] = self.counted.get(what, 0) + 1
        return self.counted.get(what, 0)

    def hit(self, what: str, number: int, when: str) -> Strike | None:
        """The strike that is due now."""
        if not self.strikes or (self.strikes[0].what, self.strikes[0].number, self.strikes[0].when) != (
            what,
            number,
            when,
        ):
            return None
        self.counted.clear()
        return self.strikes.pop(0)


class Life:
    """Whether a daemon is alive. *died* is told how long it is to be gone."""

    def __init__(self, died: Callable[[float], None]) -> None:
        self.over = False
        self._died = died

    def go_on(self) -> None:
        if self.over:
            raise Killed

    def end(self, gone: float) -> None:
        self.over = True
        self._died(gone)
        raise Killed


class Line:
    """The engine as one daemon reaches it: it may be slow, refuse, lose an answer, or see the daemon die."""

    def __init__(self, engine: LivelyEngine, wire: Wire, life: Life, after: Callable[[str, Any], None]) -> None:
        self._engine = engine
        self.wire = wire
        self._life = life
        self._after = after

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._engine, verb)

        async def through(*arguments: Any, **keys: Any) -> Any:
            return await self._through(verb, lambda: call(*arguments, **keys))

        return through

    async def events(self) -> AsyncIterator[Mapping[str, str]]:
        async for labels in self._engine.events():
            self._life.go_on()
            yield labels

    async def _through(self, verb: str, call: Callable[[], Awaitable[Any]]) -> Any:
        self._life.go_on()
        number = self.wire.count("change") if verb in CHANGES else 0
        trouble = self.wire.trouble(verb)
        await self._meet(verb, trouble)
        self._strike(number, "before")
        answer = await call()
        self._after(verb, answer)
        self._strike(number, "after")
        if trouble == "lost":
            raise EngineUnavailable(f"cannot {verb}: the connection was cut")
        return answer

    async def _meet(self, verb: str, trouble: str) -> None:
        if trouble in ("hang", "slow"):
            longest = HANG_SECONDS.get(verb, LONGEST_HANG_SECONDS)
            await asyncio.sleep(longest if trouble == "hang" else longest / 5)
            self._life.go_on()
        if trouble in ("hang", "error"):
            raise EngineUnavailable(f"cannot {verb}: 500, or no answer")
        if trouble == "conflict":
            raise Conflict(f"cannot {verb}: somebody else is at it")

    def _strike(self, number: int, when: str) -> None:
        self._life.go_on()
        strike = self.wire.hit("change", number, when) if number else None
        if strike:
            self._life.end(strike.gone)
