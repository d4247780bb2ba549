"""The daemon as its tests of crashes start it: the product unchanged, around a store that can kill at a chosen write.

It is forked with everything imported already, so what the product does before that is left out.

A file named ``order`` in the directory of the strikes says which write and when, ``3 after``; the writes are counted
from the first one that finds it. Every write that is in the store is noted in ``journal``, with the good revisions
there are then.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from paunchd.daemon import main
from paunchd.store import Store


class Strikes:
    def __init__(self, directory: Path) -> None:
        self._order = directory / "order"
        self._journal = directory / "journal"
        self._writes = 0

    def next_write(self) -> int:
        """Number the write that is about to be in the store; 0 where nothing has been ordered."""
        if not self._order.exists():
            return 0
        self._writes += 1
        return self._writes

    def strike(self, number: int, when: str) -> None:
        with suppress(FileNotFoundError):
            if self._order.read_text() == f"{number} {when}":
                os.kill(os.getpid(), signal.SIGKILL)

    def note(self, number: int, good: dict[str, str]) -> None:
        line = json.dumps({"number": number, "at": time.time_ns(), "good": good}) + "\n"
        with self._journal.open("a") as journal:
            journal.write(line)


def deadly(
    writing: Callable[[Store], AbstractContextManager[Any]], strikes: Strikes
) -> Callable[[Store], AbstractContextManager[Any]]:
    """Wrap *writing*, a store's transaction, so that it ends the process where that has been ordered."""

    @contextmanager
    def struck(store: Store) -> Iterator[Any]:
        with writing(store) as connection:
            yield connection
            number = strikes.next_write()
            strikes.strike(number, "before")
        good = dict(store._select("SELECT name, good_hash FROM names", ()))
        strikes.note(number, good)
        strikes.strike(number, "after")

    return struck


def run(config: str, log_file: str, strikes: str) -> None:
    """Be the daemon, in a process of its own, until it ends or is killed."""
    with Path(log_file).open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    Store._writing = deadly(Store._writing, Strikes(Path(strikes)))
    main(["--config", config])
