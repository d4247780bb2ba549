"""A fake engine on which containers live: they end, restart, sicken and pass their tests as time goes by.

Also what people and the host do to them behind the daemon's back.
"""

import asyncio
from collections.abc import Callable, Sequence

from paunchd.engine.protocol import ExecResult
from paunchd.labels import Identity, identity_of, labels_of
from paunchd.reconcile.model import ContainerState, Health
from paunchd.spec import NO_RESTART, ContainerSpec, Limits, config_hash
from tests.fakes.engine import RUNNING, FakeContainer, FakeEngine
from tests.histories.revisions import COURSES, OWNER, Course, Definition, Revision

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 60.0
HEALTHY_AFTER_SECONDS = 3.0


def who(one: FakeContainer) -> Identity | None:
    """Whose it is, by the label itself: the product's own word for that is what is looked at."""
    return identity_of(one.labels, OWNER) if one.labels["managed_by"] == OWNER else None


def revision_of(one: FakeContainer) -> Revision:
    kind, number = one.spec.command
    return Revision(kind, int(number))


class LivelyEngine(FakeEngine):
    """*watched* is told the verb and the container of each call right before it acts. *ran*: the tasks and execs that
    came to their end, the latter with the revision they were run in.
    """

    def __init__(self) -> None:
        super().__init__(images={"stub:1"})
        self.watched: Callable[[str, FakeContainer], None] = lambda verb, one: None
        self.ran: set[tuple[Revision, ...]] = set()
        self._first_began_at: dict[str, float] = {}
        self._began_at: dict[str, float] = {}

    def owned(self, name: str) -> list[FakeContainer]:
        """Every container of ours that belongs to *name*."""
        return [one for one in self.containers.values() if (ours := who(one)) and ours.name == name]

    def steady_seconds(self, one: FakeContainer) -> float:
        return self._now - self._began_at.get(one.id, self._now)

    # --- what others do --------------------------------------------------------------------------------------------

    def make_foreign(self, engine_name: str) -> None:
        """Another owner's container, that looks like ours but for this."""
        spec = ContainerSpec.model_validate(Definition("aa", Revision("good")).content)
        ref = f"{next(self._numbers):064x}"
        hash_ = config_hash(spec)
        labels = labels_of(Identity(engine_name.partition(".")[0], "one", hash_, "container", "always"), "somebody")
        one = FakeContainer(ref, engine_name, spec, self._means(spec.image), labels, spec.restart_policy, Limits())
        self.containers[ref] = one
        self._begin(one)
        self._tell(one)

    def free(self, engine_name: str) -> None:
        """The foreign container that has *engine_name*, if any, goes away."""
        for one in [one for one in self.containers.values() if one.engine_name == engine_name and who(one) is None]:
            del self.containers[one.id]

    def by_hand(self, what: str, one: FakeContainer) -> None:
        match what:
            case "rm":
                del self.containers[one.id]
            case "stop" | "kill" if one.state in RUNNING:
                self._end(one, 0 if what == "stop" else 137)
            case "pause" if one.state is ContainerState.RUNNING:
                one.state = ContainerState.PAUSED
            case "rename":
                one.engine_name = f"renamed-{next(self._numbers)}"
        self._tell(one)

    def restart(self) -> None:
        """All processes end with the engine; then it starts whatever has a policy to be up, also what was stopped."""
        for one in list(self.containers.values()):
            if one.state in RUNNING:
                self._end(one, 137)
            if one.restart != NO_RESTART and one.state is ContainerState.EXITED:
                self._begin(one)
        self._tell(None)

    # --- what containers do ----------------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _behaviour(self, spec: ContainerSpec, _image_id: str = "") -> Course:
        return COURSES[spec.command[0]]

    def _begin(self, one: FakeContainer) -> None:
        super()._begin(one)
        course = self._behaviour(one.spec)
        first = self._first_began_at.setdefault(one.id, self._now)
        self._began_at[one.id] = self._now
        if one.spec.healthcheck:
            one.health = Health.STARTING
        if course.passes_after is not None:
            self._later(HEALTHY_AFTER_SECONDS, one, self._recover)
        if course.sick_after is not None:
            self._later(first + course.sick_after - self._now, one, self._sicken)
        if course.ends:
            self._later(max(course.ends[0], first + course.steady - self._now), one, self._come_to_its_end)

    def _recover(self, one: FakeContainer) -> None:
        if one.health is Health.STARTING:
            one.health = Health.HEALTHY

    def _sicken(self, one: FakeContainer) -> None:
        one.health = Health.UNHEALTHY

    def _come_to_its_end(self, one: FakeContainer) -> None:
        _, code = self._behaviour(one.spec).ends
        self._end(one, code)
        self.ran.add((revision_of(one),))
        if one.restart.wants_up(code):
            one.state = ContainerState.RESTARTING
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**one.restart_count)
            self._later(pause, one, self._restart)

    def _restart(self, one: FakeContainer) -> None:
        one.restart_count += 1
        self._begin(one)

    def _later(self, seconds: float, one: FakeContainer, happens: Callable[[FakeContainer], None]) -> None:
        """Let something happen to *one* unless it is stopped or started until then; what is paused does it later."""
        loop, started_at, state = asyncio.get_running_loop(), one.started_at, one.state

        def unless_changed() -> None:
            if one.id not in self.containers or one.started_at != started_at:
                return
            if one.state is ContainerState.PAUSED:
                loop.call_later(1.0, unless_changed)
            elif one.state is state:
                happens(one)
                self._tell(one)

        if seconds > 0:
            loop.call_later(seconds, unless_changed)
        else:
            happens(one)

    # --- the protocol ----------------------------------------------------------------------------------------------

    async def run_exec(self, ref: str, command: Sequence[str], **keys: object) -> ExecResult:
        await super().run_exec(ref, command, **keys)
        one = self.containers[ref]
        if command[0] == "check":
            after = self._behaviour(one.spec).passes_after
            passes = after is not None and self.steady_seconds(one) >= after and one.health is not Health.UNHEALTHY
            return ExecResult(0 if passes else 1, "")
        kind, number = command
        self.ran.add((Revision(kind, int(number)), revision_of(one)))
        return ExecResult(0 if kind == "exec" else 4, "")

    async def _find(self, verb: str, ref: str, more: str = "") -> FakeContainer:
        one = await super()._find(verb, ref, more)
        self.watched(verb, one)
        return one
