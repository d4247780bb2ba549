"""An engine in memory: deterministic, never waits, and does what the contract suite holds the real one to."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from paunchd.engine.protocol import ExecResult, LogWish
from paunchd.errors import Conflict, EngineError, EngineUnavailable, NotFound, Rejected
from paunchd.reconcile.model import ContainerState, Details, Health, Listed
from paunchd.spec import ContainerSpec, Limits, RestartPolicy

RUNNING = frozenset({ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING})


@dataclass(frozen=True)
class Behaviour:
    """What a container does once it is started. *exits* ``None``: it runs on."""

    exits: int | None = None
    refused_create: str = ""
    refused_start: str = ""
    output: str = ""
    health: Health = Health.NONE


@dataclass
class FakeContainer:
    id: str
    engine_name: str
    spec: ContainerSpec
    image_id: str
    labels: Mapping[str, str]
    restart: RestartPolicy
    limits: Limits
    state: ContainerState = ContainerState.CREATED
    health: Health = Health.NONE
    exit_code: int = 0
    oom_killed: bool = False
    restart_count: int = 0
    started_at: str = ""
    finished_at: str = ""
    output: str = ""


@dataclass
class FakeEngine:
    """*images* are present, *registry* can be pulled; *ids* are those of images whose name was moved. A behaviour is
    looked up by the command, then by the image, then by its id.

    *execs* maps the command run in a container to its result; others succeed and say nothing. *calls* logs every
    call that reached the engine, in its order, as ``verb name``.
    """

    images: set[str] = field(default_factory=set)
    registry: set[str] = field(default_factory=set)
    behaviours: dict[str | tuple[str, ...], Behaviour] = field(default_factory=dict)
    execs: dict[tuple[str, ...], ExecResult] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    away: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.containers: dict[str, FakeContainer] = {}
        self._nameless: set[str] = set()
        self.before_call: Callable[[str], None] = lambda call: None
        self._failures: dict[str, list[EngineError]] = {}
        self._numbers = itertools.count(1)
        self._listeners: set[asyncio.Queue[Mapping[str, str] | None]] = set()

    # --- what a test does ------------------------------------------------------------------------------------------

    def fail_next(self, verb: str, *errors: EngineError) -> None:
        """Let the next calls of *verb* raise *errors*, one each, and do nothing."""
        self._failures.setdefault(verb, []).extend(errors)

    def go_away(self, why: str = "connection refused") -> None:
        self.away = why
        self._tell(None)

    def come_back(self) -> None:
        self.away = ""

    def named(self, engine_name: str) -> FakeContainer:
        return next(one for one in self.containers.values() if one.engine_name == engine_name)

    def names(self) -> dict[str, ContainerState]:
        return {one.engine_name: one.state for one in self.containers.values()}

    def move(self, image: str, image_id: str) -> None:
        """Give the name *image* to another image; the one before stays, without a name."""
        self._nameless |= {self._means(image)} - {""}
        self.images.add(image)
        self.ids[image] = image_id

    def exit(self, engine_name: str, code: int = 1, *, oom: bool = False) -> None:
        """Let the container's process end; the engine restarts it where its policy says so."""
        one = self.named(engine_name)
        self._end(one, code)
        one.oom_killed = oom
        if one.restart.wants_up(code):
            one.restart_count += 1
            self._begin(one)
        self._tell(one)

    def set_health(self, engine_name: str, health: Health) -> None:
        one = self.named(engine_name)
        one.health = health
        self._tell(one)

    def pause(self, engine_name: str) -> None:
        one = self.named(engine_name)
        one.state = ContainerState.PAUSED
        self._tell(one)

    # --- the protocol ----------------------------------------------------------------------------------------------

    async def list(self) -> Sequence[Listed]:
        await self._called("list")
        return [self._listed(one) for one in self.containers.values()]

    async def inspect(self, ref: str) -> Details:
        one = await self._find("inspect", ref)
        return Details(
            state=one.state,
            restart=one.restart,
            limits=one.limits,
            restart_count=one.restart_count,
            exit_code=one.exit_code,
            oom_killed=one.oom_killed,
            error="",
            started_at=one.started_at,
            finished_at=one.finished_at,
            grace_seconds=10.0 if one.spec.stop_grace_period is None else one.spec.stop_grace_period,
        )

    async def image_id(self, image: str) -> str:
        await self._called("image_id", image)
        return self._means(image)

    async def pull(self, image: str) -> None:
        await self._called("pull", image)
        if image not in self.registry:
            raise NotFound(f"cannot pull image {image}: not in the registry")
        self.images.add(image)

    async def create(self, engine_name: str, spec: ContainerSpec, labels: Mapping[str, str]) -> str:
        await self._called("create", engine_name)
        if any(one.engine_name == engine_name for one in self.containers.values()):
            raise Conflict(f"cannot create {engine_name}: the name is taken")
        image_id = self._means(spec.image)
        if not image_id:
            raise NotFound(f"cannot create {engine_name}: No such image: {spec.image}")
        if refused := self._behaviour(spec, image_id).refused_create:
            raise Rejected(f"cannot create {engine_name}: {refused}")
        ref = f"{next(self._numbers):064x}"
        self.containers[ref] = FakeContainer(
            ref, engine_name, spec, image_id, {**dict(spec.labels), **labels}, spec.restart_policy, spec.limits
        )
        self._tell(self.containers[ref])
        return ref

    async def start(self, ref: str) -> None:
        one = await self._find("start", ref)
        if one.state is ContainerState.PAUSED:
            raise Conflict(f"cannot start {ref}: it is paused")
        if one.state in RUNNING:
            return
        behaviour = self._behaviour(one.spec, one.image_id)
        if behaviour.refused_start:
            raise Rejected(f"cannot start {ref}: {behaviour.refused_start}")
        self._begin(one)
        if behaviour.exits is not None:
            self.exit(one.engine_name, behaviour.exits)
        self._tell(one)

    async def stop(self, ref: str, grace_seconds: float) -> None:
        await self._halt("stop", ref, 0)

    async def kill(self, ref: str) -> None:
        await self._halt("kill", ref, 137)

    async def signal(self, ref: str, signal: str) -> None:
        one = await self._find("signal", ref, f" {signal}")
        if one.state not in RUNNING:
            raise Conflict(f"cannot signal {ref}: it is not running")

    async def unpause(self, ref: str) -> None:
        one = await self._find("unpause", ref)
        if one.state is ContainerState.PAUSED:
            one.state = ContainerState.RUNNING
            self._tell(one)

    async def remove(self, ref: str) -> None:
        one = await self._find("remove", ref)
        del self.containers[one.id]
        self._tell(one)

    async def rename(self, ref: str, to: str) -> None:
        one = await self._find("rename", ref, f" to {to}")
        if any(other.engine_name == to for other in self.containers.values()):
            raise (Rejected if one.engine_name == to else Conflict)(f"cannot rename {ref}: {to} is taken")
        one.engine_name = to
        self._tell(one)

    async def update(self, ref: str, restart: RestartPolicy | None, limits: Limits | None) -> None:
        one = await self._find("update", ref)
        one.restart = restart or one.restart
        changed = {name: getattr(limits, name) for name in Limits.__dataclass_fields__} if limits else {}
        one.limits = replace(one.limits, **{name: value for name, value in changed.items() if value is not None})
        self._tell(one)

    async def run_exec(
        self,
        ref: str,
        command: Sequence[str],
        *,
        environment: Sequence[tuple[str, str | None]] = (),
        user: str | None = None,
        privileged: bool = False,
        timeout_seconds: float | None = None,
    ) -> ExecResult:
        one = await self._find("exec", ref, f" {' '.join(command)}")
        if one.state is not ContainerState.RUNNING:
            raise Conflict(f"cannot run a command in {ref}: it is not running")
        return self.execs.get(tuple(command), ExecResult(0, ""))

    async def logs(self, ref: str, tail: int) -> str:
        one = await self._find("logs", ref)
        return "".join(one.output.splitlines(keepends=True)[-tail:])

    async def log_pieces(self, ref: str, wish: LogWish) -> AsyncGenerator[bytes, None]:
        one = await self._find("logs", ref)
        yield b""
        lines = one.output.splitlines(keepends=True)
        for line in lines if wish.tail is None else lines[max(0, len(lines) - wish.tail) :]:
            yield line.encode()

    async def events(self) -> AsyncIterator[Mapping[str, str]]:
        arrived: asyncio.Queue[Mapping[str, str] | None] = asyncio.Queue()
        if self.away:
            raise EngineUnavailable(f"cannot watch containers: {self.away}")
        self._listeners.add(arrived)
        try:
            yield {}
            while (labels := await arrived.get()) is not None:
                yield labels
            raise EngineUnavailable(f"cannot watch containers: {self.away}")
        finally:
            self._listeners.discard(arrived)

    async def close(self) -> None:
        self._tell(None)

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _called(self, verb: str, what: str = "") -> None:
        """Let others run, as any real call does, then take note of the call and fail where told to."""
        await asyncio.sleep(0)
        call = f"{verb} {what}".strip()
        self.before_call(call)
        self.calls.append(call)
        if self.away:
            raise EngineUnavailable(f"cannot {call}: {self.away}")
        if failures := self._failures.get(verb):
            raise failures.pop(0)

    async def _find(self, verb: str, ref: str, more: str = "") -> FakeContainer:
        found = self.containers.get(ref) or next(
            (one for one in self.containers.values() if one.engine_name == ref), None
        )
        await self._called(verb, (found.engine_name if found else ref) + more)
        if found is None or found.id not in self.containers:
            raise NotFound(f"cannot {verb} {ref}: No such container: {ref}")
        return found

    async def _halt(self, verb: str, ref: str, code: int) -> None:
        one = await self._find(verb, ref)
        if one.state in RUNNING:
            self._end(one, code)
            self._tell(one)

    def _behaviour(self, spec: ContainerSpec, image_id: str) -> Behaviour:
        found = (self.behaviours.get(key) for key in (spec.command, spec.image, image_id))
        return next((one for one in found if one), Behaviour())

    def _means(self, image: str) -> str:
        named = {name: self.ids.get(name, f"sha256:{name}") for name in self.images}
        there = self._nameless | set(named.values()) | {one.image_id for one in self.containers.values()}
        return named.get(image) or (image if image in there else "")

    def _begin(self, one: FakeContainer) -> None:
        behaviour = self._behaviour(one.spec, one.image_id)
        one.state, one.health = ContainerState.RUNNING, behaviour.health
        one.exit_code, one.oom_killed = 0, False
        one.started_at = self._stamp()
        one.output += behaviour.output

    def _end(self, one: FakeContainer, code: int) -> None:
        one.state, one.exit_code, one.finished_at = ContainerState.EXITED, code, self._stamp()

    def _stamp(self) -> str:
        return f"time {next(self._numbers)}"

    def _tell(self, one: FakeContainer | None) -> None:
        for listener in self._listeners:
            listener.put_nowait(one.labels if one else None)

    def _listed(self, one: FakeContainer) -> Listed:
        moved = self._means(one.spec.image) != one.image_id
        return Listed(
            id=one.id,
            engine_name=one.engine_name,
            image=one.image_id if moved else one.spec.image,
            image_id=one.image_id,
            labels=one.labels,
            state=one.state,
            health=one.health,
        )
