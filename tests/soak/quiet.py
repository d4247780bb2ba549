"""What must be so once the faults have stopped: the fixed point, and that no invariant was broken on the way."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

from tests.functional.engine_side import Happening, most_running_at_once
from tests.functional.invariants import Accepted, acceptances, lost, places_that_tell
from tests.scenarios.scenario import FOREIGN, SECRET
from tests.soak.faults import Play

POLL_SECONDS = 0.5
BOUND_SECONDS = 300.0  # pauses between tries grow to a minute, and the machine may have other things to do
ENDS = (".next", ".prev")


def entries(log: str) -> Iterator[dict[str, Any]]:
    """What *log* says, but for a line in whose midst the daemon was killed: the next one's first stands behind it."""
    for line in log.splitlines():
        with suppress(ValueError):
            yield json.loads(line)


class Judge:
    """*violations* are told once each. *rests*: how long it took to come to rest, each time."""

    def __init__(self, play: Play) -> None:
        self.violations: list[str] = []
        self.rests: list[float] = []
        self._play = play
        self._node = play.node
        self._foreign = (play.node.make_foreign(FOREIGN), play.node.started_at(FOREIGN))
        self._accepted: dict[str, list[Accepted]] = {}
        self._read_to = 0
        self._excused: set[str] = set()

    def look(self) -> None:
        """Wait for the fixed point, as long as it may take, and see that all that must hold does."""
        log = self._new_log()
        rested = self._rests()
        log += self._new_log()
        self._remember(acceptances(entries(log)))
        story = self._node.story.told()
        self._good_is_succeeded(story)
        self._never_too_many(story)
        self._foreign_is_untouched()
        for place in places_that_tell(self._node, SECRET, log):
            self._tell(f"I5: the secret is told by {place}")
        for line in log.splitlines():
            if '"event": "pass_crashed"' in line or '"event": "lane_crashed"' in line:
                self._tell(f"a defect: {line}")
        if rested:
            self._play.fleet.grown_up()
            self._play.undeclared.clear()
            for name in self._play.fleet.gone():  # forgotten, as was what was good of it: it comes back as a new one
                self._accepted.pop(self._node.full(name), None)

    def killed(self) -> None:
        """The daemon is dead: what it recorded as good and had no time to say is in its store."""
        moment = time.time_ns()
        with closing(sqlite3.connect(f"file:{self._node.state_dir}/state.db?mode=ro", uri=True)) as store:
            good = dict(store.execute("SELECT name, good_hash FROM names WHERE good_hash IS NOT NULL"))
        self._remember(acceptances(entries(self._new_log())))
        known = {name: accepted[-1][1] for name, accepted in self._accepted.items()}
        self._remember({name: [(moment, hash_)] for name, hash_ in good.items() if known.get(name) != hash_})

    # --- I4 ---------------------------------------------------------------------------------------------------------

    def _rests(self) -> bool:
        began = time.monotonic()
        while problem := self._unrest():
            if time.monotonic() > began + BOUND_SECONDS:
                self._tell(f"I4: no fixed point within {BOUND_SECONDS:.0f} s: {problem}")
                return False
            time.sleep(POLL_SECONDS)
        self.rests.append(time.monotonic() - began)
        ids = self._node.ids()
        self._node.passes(2)
        problem = self._unrest()
        if problem or self._node.ids() != ids:
            self._tell(f"I4: this was no fixed point: {problem or 'containers have changed'}")
        return True

    def _unrest(self) -> str:
        """What is not yet as it must be in the end; empty where all is."""
        node = self._node
        try:
            view = node.get("/v1/containers")
            if not node.knows_the_directory():
                return "the directory has not been read"
            states = {node.short(row["name"]): row["state"] for row in view["containers"]}
            if unexpected := self._play.unexpected(states):
                return f"states are not as declared: {unexpected}"
            if lanes := node.lanes():
                return f"the plan is not empty: {lanes}"
            over = ("rolled-back",)  # at rest as well, but nobody's wish
            unsettled = [row["name"] for row in view["containers"] if not row["settled"] and row["state"] not in over]
            if unsettled:
                return f"not settled: {unsettled}"
            kept = [name for name in node.ps() if name.endswith(ENDS) or "-moved-" in name]
        except (OSError, AssertionError) as error:
            return f"the daemon does not answer: {error}"
        return f"left over: {kept}" if kept else ""

    # --- the others -------------------------------------------------------------------------------------------------

    def _good_is_succeeded(self, story: Iterable[Happening]) -> None:
        named: dict[str, list[Happening]] = {}
        for one in story:
            named.setdefault(one.name, []).append(one)
        undeclared = {self._node.full(name) for name in self._play.undeclared}
        for name, accepted in self._accepted.items():
            gone = {one.id: one for one in lost(named.get(name, []), accepted)}
            if name in undeclared:
                self._excused |= gone.keys()
            for id_ in gone.keys() - self._excused - self._play.by_hand:
                when = datetime.fromtimestamp(gone[id_].gone / 1e9, UTC)
                self._tell(f"I1: the good {self._node.short(name)} ({id_[:12]}) was removed at {when:%H:%M:%S.%f}")

    def _never_too_many(self, story: list[Happening]) -> None:
        most = most_running_at_once([one for one in story if one.name.startswith(self._node.prefix)])
        allowed = {self._node.full(one.name): one.at_once for one in self._play.fleet.members()}
        for name, count in most.items():
            if count > allowed.get(name, 1):
                self._tell(f"I2: {count} containers of {self._node.short(name)} ran at once")

    def _foreign_is_untouched(self) -> None:
        now = (self._node.id(FOREIGN), self._node.started_at(FOREIGN))
        if now != self._foreign or not self._node.running(FOREIGN):
            self._tell("I3: what is not ours was touched")

    def _remember(self, accepted: dict[str, list[Accepted]]) -> None:
        for name, moments in accepted.items():
            self._accepted.setdefault(name, []).extend(moments)

    def _new_log(self) -> str:
        """What was logged since the last time, in whole lines."""
        with self._node.log_file.open("rb") as log:
            log.seek(self._read_to)
            content = log.read()
        text = content[: content.rfind(b"\n") + 1]
        self._read_to += len(text)
        return text.decode(errors="replace")

    def _tell(self, violation: str) -> None:
        if violation not in self.violations:
            self.violations.append(violation)
            print(f"  VIOLATION {violation}", flush=True)
