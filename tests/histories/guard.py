"""What must hold at every call and every write (I1, I2, I3, I5), as violations to be shown with the story.

It knows the engine and what was declared, and takes nothing from the product's own decisions.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from paunchd.reconcile.model import ContainerState
from tests.fakes.engine import RUNNING, FakeContainer
from tests.histories.engine import LivelyEngine, revision_of, who
from tests.histories.faults import CHANGES
from tests.histories.papers import Papers
from tests.histories.revisions import BY_HASH, CONTAINERS, ILL, SECRET, TASK, Revision

UNSURE_SECONDS = 70.0


class Guard:
    """*good* and *rejected* are what the store held at its last write. *touched*: names that people or others have
    meddled with, or asked something of, so that what is well may be rejected and even be gone.
    """

    def __init__(self, engine: LivelyEngine, papers: Papers, tell: Callable[[str], None]) -> None:
        self.violations: list[str] = []
        self.good: dict[str, Revision] = {}
        self.rejected: set[tuple[str, Revision]] = set()
        self.touched: set[str] = set()
        self._touched_at: dict[str, float] = {}
        self._changed_at: dict[str, float] = {}
        self._made_at: dict[str, float] = {}
        self._beside_at: dict[str, float] = {}
        self._neighbours: set[str] = set()
        self._may_run_again = False
        self._engine = engine
        self._papers = papers
        self._tell = tell
        engine.watched = self.before

    def meddled(self, *names: str) -> None:
        """From now on, and for a while more so, *names* are not judged as if nobody had touched them."""
        self.touched.update(names)
        self._may_run_again |= TASK in names
        self._touched_at |= dict.fromkeys(names, self._now)

    def withdrawn(self, *names: str) -> None:
        """A lane may still be removing *names*, declared again or not."""
        for name in names:
            self._may_be_beside(name)
        self._touched_at |= dict.fromkeys(names, self._now)
        self._may_run_again |= TASK in names

    def store_lost(self) -> None:
        self.wrote({}, set())
        self._may_run_again = True

    def redeclared(self, name: str) -> None:
        """A lane may still be carrying out what was declared of *name* before."""
        self._may_be_beside(name)
        self._changed_at[name] = self._now

    def watch_neighbour(self) -> None:
        """Nothing may ever happen to who has no part in all this."""
        self._neighbours = {one.id for one in self._engine.containers.values()}

    # --- calls -----------------------------------------------------------------------------------------------------

    def before(self, verb: str, one: FakeContainer) -> None:
        if verb in CHANGES:
            self._tell(f"    {verb} {one.engine_name} ({revision_of(one)})")
        ours = who(one)
        if ours is None:
            self._check("I3", verb not in (*CHANGES, "inspect", "logs"), f"{verb} of a foreign {one.engine_name}")
            return
        alone = one.id not in self._neighbours or verb not in CHANGES
        self._check("I6", alone, f"{verb} of {one.engine_name}, which has no part in this")
        match verb:
            case "remove":
                self._before_remove(ours.name, one)
            case "stop":
                self._before_stop(ours.name, one)
            case "start" if ours.name == TASK:
                done = (revision_of(one),) in self._engine.ran and one.state is not ContainerState.CREATED
                self._check("once", not done, f"task {revision_of(one)} is started again")
            case "start":
                self._before_start(ours.name, one)

    def after(self, verb: str, answer: Any) -> None:
        if verb == "create":
            one = self._engine.containers[answer]
            self._made_at[one.id] = self._now
            name = who(one).name
            self._tell(f"    create {one.engine_name} ({revision_of(one)})")
            self._check("I5", SECRET not in str(dict(one.labels)), f"a secret in the labels of {one.engine_name}")
            again = (name, revision_of(one)) in self.rejected and self.good.get(name) not in (None, revision_of(one))
            unsure = not self._settled(name)
            self._check("rejected", not again or unsure, f"{name} is made at {revision_of(one)}, which was rejected")
            done = name == TASK and revision_of(one).well and (revision_of(one),) in self._engine.ran
            self._check("once", not done or self._may_run_again, f"{revision_of(one)} is made again, and was done")

    def _before_remove(self, name: str, one: FakeContainer) -> None:
        declared, slot = self._papers.understood(name), one.engine_name.removeprefix(name)
        if name not in CONTAINERS or declared is None or not self._calm(name):
            return
        others = [c for c in self._engine.owned(name) if c.id != one.id and revision_of(c) == revision_of(one)]
        is_good = self.good.get(name) == revision_of(one)
        self._check("I1", not is_good or others, f"the only good container {one.engine_name} is removed")
        wanted = slot == "" and declared.revision == revision_of(one)
        rejected = (name, revision_of(one)) in self.rejected
        self._check(
            "rejected",
            not wanted or rejected or others or not self._made_for(name, one),
            f"{name} as declared is removed, not rejected",
        )

    def _before_stop(self, name: str, one: FakeContainer) -> None:
        """A good container that runs goes down only for a successor that is there, and under start-first healthy.

        By then either the successor is prepared, or it has the name and the good one is kept.
        """
        declared = self._papers.understood(name)
        is_good = one.engine_name in (name, f"{name}.prev") and self.good.get(name) == revision_of(one)
        if name not in CONTAINERS or declared is None or not is_good or not self._calm(name):
            return
        successors = (name, f"{name}.next")
        there = [c for c in self._engine.owned(name) if c.id != one.id and c.engine_name in successors]
        self._check("I1", bool(there), f"the good {name} is stopped without a successor")
        if there and declared.way == "start-first" and self._settled(name):
            self._check("I1", there[0].state in RUNNING, f"the good {name} is stopped before its successor runs")

    def _before_start(self, name: str, one: FakeContainer) -> None:
        others = [c for c in self._engine.owned(name) if c.id != one.id and c.state in RUNNING]
        allowed = 1 if one.engine_name == f"{name}.next" and self._may_be_beside(name) else 0
        self._check(
            "I2", len(others) <= allowed, f"{one.engine_name} is started beside {[c.engine_name for c in others]}"
        )

    def check_copies(self) -> None:
        """After an engine restart: what was put to rest stays so (T-067)."""
        for name in CONTAINERS:
            up = [c.engine_name for c in self._engine.owned(name) if c.state in RUNNING]
            allowed = set(up) == {name, f"{name}.next"} and self._may_be_beside(name)
            self._check("I2", len(up) <= 1 or allowed or name in self.touched, f"{up} run after an engine restart")

    # --- writes ----------------------------------------------------------------------------------------------------

    def wrote(self, good: dict[str, str], rejected: set[tuple[str, str]]) -> None:
        before, self.good = self.good, {name: BY_HASH[hash_] for name, hash_ in good.items()}
        for name, revision in self.good.items():
            if before.get(name) != revision:
                self._tell(f"    {name} is good at {revision}")
                self._accepted(name, revision, before.get(name))
        self._together([name for name, revision in self.good.items() if before.get(name) not in (None, revision)])
        found = {(name, BY_HASH[hash_]) for name, hash_ in rejected}
        for name, revision in sorted(found - self.rejected):
            self._tell(f"    {name} is rejected at {revision}")
            fair = not revision.well or self.is_loose(name)
            self._check("verdict", fair, f"{name} is rejected at {revision}, which nobody has touched")
        taken_back = [name for name, _ in found - self.rejected if self.good.get(name)]
        self.rejected = found
        self._together(taken_back)

    def _together(self, decided: list[str]) -> None:
        """Of a group nobody is proven or rejected while another one that has something to return to is on trial."""
        group = [name for name in CONTAINERS if self._in_group(name) and self.good.get(name)]
        if not set(decided) & set(group) or not all(self._settled(name) for name in group):
            return
        for name in group:
            revision = self._papers.understood(name).revision
            over = revision == self.good[name] or (name, revision) in self.rejected
            self._check("group", over, f"{' and '.join(decided)} decided while {name} is on trial at {revision}")

    def _in_group(self, name: str) -> bool:
        declared = self._papers.understood(name)
        return declared is not None and declared.way == "group"

    def is_loose(self, name: str) -> bool:
        """Whether what is well may yet be rejected: somebody meddled with it, or with one of its group."""
        return name in self.touched or (self._papers.ever_in_group(name))

    def _accepted(self, name: str, revision: Revision, before: Revision | None) -> None:
        if name in self.touched:
            return
        ill = revision.kind in ILL
        self._check("verdict", not ill or before is None, f"{name} is good at {revision}, over {before}")

    # --- inside ----------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _may_be_beside(self, name: str) -> bool:
        """Whether *name* is rolled out start-first, or was until a moment ago."""
        declared = self._papers.understood(name)
        if declared is not None and declared.way == "start-first":
            self._beside_at[name] = self._now
        return self._now - self._beside_at.get(name, -UNSURE_SECONDS) < UNSURE_SECONDS

    def _calm(self, name: str) -> bool:
        return self._now - self._touched_at.get(name, -UNSURE_SECONDS) >= UNSURE_SECONDS

    def _settled(self, name: str) -> bool:
        return self._calm(name) and self._now - self._changed_at.get(name, -UNSURE_SECONDS) >= UNSURE_SECONDS

    def _made_for(self, name: str, one: FakeContainer) -> bool:
        """*one* was made for what is declared now, so that no lane from before has a reason to remove it."""
        made_since = self._made_at.get(one.id, 0.0) > self._changed_at.get(name, 0.0)
        return self._settled(name) or (made_since and self._calm(name))

    def _check(self, what: str, holds: bool, told: str) -> None:
        if not holds:
            self._tell(f"!!! {what}: {told}")
            self.violations.append(f"{what}: {told}")
