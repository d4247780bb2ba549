"""What can go wrong between a daemon and its engine, and at which call or event it does.

Calls are named by a pattern of their method and path, and counted from 1; events are taken as they come.
"""

import math
import re
import threading
from dataclasses import dataclass, field
from enum import Enum

EACH = 0


@dataclass(frozen=True)
class Call:
    """One request. *path* is without the API's version and its query; *number* is 0 where it is not counted."""

    method: str
    path: str
    query: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def has(self, pattern: str) -> bool:
        """Whether *pattern* is found in ``METHOD /path``, or in that with its query."""
        return any(re.search(pattern, told) for told in (str(self), f"{self}?{self.query}"))


def changes(call: Call) -> bool:
    """Whether *call* changes a container or what is there of them: the calls that are numbered by default."""
    return call.method in ("POST", "DELETE", "PUT") and "exec" not in call.path


def changes_or_executes(call: Call) -> bool:
    return call.method in ("POST", "DELETE", "PUT")


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
    """*what* goes wrong at call *number* (or at ``EACH``) of those that have the pattern *on*, or of the counted ones
    where it is empty.

    ``AFTER`` means that the engine has acted and its answer is not passed on. ``DELAY`` lasts *seconds*, ``HANG`` until
    the proxy is calmed; ``ANSWER`` gives *status* and *message* in place of the engine's.
    """

    number: int
    what: What
    when: When = When.BEFORE
    on: str = ""
    seconds: float = 0.0
    status: int = 500
    message: str = "made up by the proxy"

    def __str__(self) -> str:
        return f"{self.what.value} {self.when.value} call {self.number}{f' of {self.on}' if self.on else ''}"

    def concerns(self, call: Call) -> bool:
        return call.has(self.on) if self.on else call.number > 0


@dataclass
class Armed:
    """A fault that waits for its call; not safe to share between threads without a lock."""

    fault: Fault
    _met: int = 0

    def strikes(self, call: Call) -> bool:
        if not self.fault.concerns(call):
            return False
        self._met += 1
        return self.fault.number in (EACH, self._met)


class Harm(Enum):
    """``REVERSE`` holds events back while more of them come, and passes them on the last one first."""

    LOSE = "lose"
    DOUBLE = "double"
    REVERSE = "reverse"


@dataclass
class Harmed:
    """*harm* befalls the next *left* events, on whichever stream they come; *count* is how many there were."""

    harm: Harm
    left: float = math.inf
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Harm | None:
        """What befalls the event that has come now."""
        with self._lock:
            if self.left <= 0:
                return None
            self.left -= 1
            self.count += 1
            return self.harm
