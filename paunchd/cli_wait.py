"""Waits at the prompt until what is in the desired directory now has settled, or cannot.

Whoever has just written a file must not be told that the former content is settled, so the digests the daemon
has read are compared with those of the files, where the files can be read.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paunchd.client import Client, NoAnswerError, RefusedError

Answer = Mapping[str, Any]

POLL_SECONDS = 0.3
READ_BY_SECONDS = 15.0  # longer than a resync: by then the daemon has read what it is going to read
_FAILURES = frozenset({"failed", "rolled-back", "parked"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What is waited for: one config, or with an empty *config_id* all.

    *digests* are those of the files that are not broken, ``None`` where that cannot be told.
    """

    config_id: str
    digests: Mapping[str, str] | None = None

    def of_interest(self, config_id: str) -> bool:
        return self.config_id in ("", config_id)

    def is_read(self, views: Mapping[str, Answer]) -> bool:
        """Whether the daemon has read what the directory holds."""
        if self.digests is None:
            return True
        has = {key: view["digest"] for key, view in views.items() if view["digest"] and not view["broken"]}
        return has == {key: digest for key, digest in self.digests.items() if self.of_interest(key)}


@dataclass(frozen=True, slots=True)
class Look:
    """What the daemon said last. *verdict*: settled, failed, or empty while it is undecided."""

    verdict: str
    containers: tuple[Answer, ...] = ()
    why: tuple[str, ...] = ()


def judge(listed: Answer, configs: Answer, wish: Wish) -> Look:
    """Decide from one answer of each sort; what has not been read yet decides nothing."""
    views = {one["config_id"]: one for one in configs["configs"] if wish.of_interest(one["config_id"])}
    names = {name for view in views.values() for name in view["names"]}
    of_interest = tuple(c for c in listed["containers"] if not wish.config_id or c["name"] in names)
    if not wish.is_read(views):
        return Look("", of_interest)
    if wish.config_id and not views:
        return Look("failed", of_interest, (f"no config `{wish.config_id}` is declared",))
    why = [f"{view['config_id']}: {view['broken']}" for view in views.values() if view["broken"]]
    why += [
        f"{c['name']}: {c['state']}: {c['reason']}" for c in of_interest if c["state"] in _FAILURES and not c["doing"]
    ]
    if why:
        return Look("failed", of_interest, tuple(why))
    settled = all(view["settled"] for view in views.values()) and (bool(wish.config_id) or listed["settled"])
    return Look("settled" if settled else "", of_interest)


def wait(client: Client, wish: Wish, timeout_seconds: float, show: Callable[[Look], None]) -> Look:
    """Poll until there is a verdict or the time is over. A daemon that restarts meanwhile is waited for.

    Raises ``NoAnswerError`` where it does not answer at the first or the last try.
    """
    begun = time.monotonic()
    look, answered = Look(""), False
    while True:
        passed = time.monotonic() - begun
        try:
            wanted = wish if passed < READ_BY_SECONDS else Wish(wish.config_id)
            look = judge(client.get("containers"), client.get("configs"), wanted)
            answered = True
        except NoAnswerError:
            if not answered or passed >= timeout_seconds:
                raise
        except RefusedError:
            answered = True
        show(look)
        if look.verdict or passed >= timeout_seconds:
            return look
        time.sleep(min(POLL_SECONDS, max(0.0, timeout_seconds - passed)))
