"""What may happen on a node, each told in one sentence."""

from dataclasses import dataclass

from tests.histories.faults import Strike, Trouble
from tests.histories.revisions import (
    CONTAINERS,
    FILE_OF,
    TASK,
    Definition,
)
from tests.histories.world import World


@dataclass(frozen=True)
class Declare:
    definition: Definition

    def __str__(self) -> str:
        return str(self.definition)

    async def happen(self, world: World) -> None:
        world.guard.redeclared(self.definition.name)
        world.papers.declare(self.definition)
        world.noticed()


@dataclass(frozen=True)
class Withdraw:
    name: str

    def __str__(self) -> str:
        return f"{self.name} is no longer declared"

    async def happen(self, world: World) -> None:
        world.guard.withdrawn(self.name)
        world.papers.withdraw(self.name)
        world.noticed()


@dataclass(frozen=True)
class File:
    """*what* is done to a file: it is broken, mended or deleted."""

    what: str
    file: str

    def __str__(self) -> str:
        return f"the file {self.file} is {self.what}"

    async def happen(self, world: World) -> None:
        names = [name for name, file in FILE_OF.items() if file == self.file]
        match self.what:
            case "broken":
                world.papers.break_file(self.file)
            case "mended":
                for name in names:
                    world.guard.redeclared(name)
                world.papers.mend(self.file)
            case "deleted":
                world.guard.withdrawn(*names)
                world.papers.delete(self.file)
        world.noticed()


@dataclass(frozen=True)
class DirectoryGone:
    """The directory is not there for some seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"the directory is away for {self.seconds:g} s"

    async def happen(self, world: World) -> None:
        if not world.papers.are_away:
            world.papers.move_away()
            world.later(self.seconds, world.papers.move_back)


@dataclass(frozen=True)
class EngineTrouble:
    trouble: Trouble

    def __str__(self) -> str:
        return str(self.trouble)

    async def happen(self, world: World) -> None:
        world.wire.troubles.append(self.trouble)


@dataclass(frozen=True)
class EngineAway:
    seconds: float

    def __str__(self) -> str:
        return f"the engine is away for {self.seconds:g} s"

    async def happen(self, world: World) -> None:
        world.engine.go_away()
        world.later(self.seconds, world.engine.come_back)


@dataclass(frozen=True)
class EngineRestarts:
    def __str__(self) -> str:
        return "the engine restarts"

    async def happen(self, world: World) -> None:
        world.guard.meddled(TASK)
        world.engine.restart()
        world.guard.check_copies()


@dataclass(frozen=True)
class DiskFull:
    """No write to the store works for some seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"the store cannot be written for {self.seconds:g} s"

    async def happen(self, world: World) -> None:
        world.wire.disk_full = True
        world.later(self.seconds, lambda: setattr(world.wire, "disk_full", False))


@dataclass(frozen=True)
class Kill:
    """kill -9 of the daemon at a call or write, and perhaps of the next one as well."""

    strike: Strike

    def __str__(self) -> str:
        return str(self.strike)

    async def happen(self, world: World) -> None:
        world.wire.strikes.append(self.strike)


@dataclass(frozen=True)
class Restart:
    """The daemon is ended, where it is just now, and comes back; *without_store*: with an empty memory."""

    gone: float = 0.0
    without_store: bool = False

    def __str__(self) -> str:
        return (
            f"the daemon is killed{' and its store lost' if self.without_store else ''}, and gone for {self.gone:g} s"
        )

    async def happen(self, world: World) -> None:
        await world.is_alive()
        await world.reborn(self.gone, without_store=self.without_store)


@dataclass(frozen=True)
class ByHand:
    """Somebody does *what* (stop, kill, rm, rename, pause) to a container of ours, if there is one."""

    what: str
    name: str
    slot: str

    def __str__(self) -> str:
        return f"by hand: {self.what} {self.name}{self.slot}"

    async def happen(self, world: World) -> None:
        world.guard.meddled(self.name)
        for one in world.engine.owned(self.name):
            if one.engine_name == self.name + self.slot:
                world.engine.by_hand(self.what, one)


@dataclass(frozen=True)
class Foreign:
    """Somebody else's container takes a name where that is free; it goes when all calms down."""

    engine_name: str

    def __str__(self) -> str:
        return f"a foreign container takes the name {self.engine_name}"

    async def happen(self, world: World) -> None:
        if self.engine_name not in world.engine.names():
            world.guard.meddled(self.engine_name.partition(".")[0])
            world.engine.make_foreign(self.engine_name)


@dataclass(frozen=True)
class Ask:
    """An operator asks for *what*: hold, release, retry, rollback, restart or reconcile."""

    what: str
    name: str

    def __str__(self) -> str:
        return f"an operator asks: {self.what} {self.name}"

    async def happen(self, world: World) -> None:
        await world.is_alive()
        world.guard.meddled(*((self.name,) if self.what == "retry" else CONTAINERS))
        await world.ask(self.what, self.name)


@dataclass(frozen=True)
class ClockJumps:
    seconds: float

    def __str__(self) -> str:
        return f"the wall clock jumps by {self.seconds:g} s"

    async def happen(self, world: World) -> None:
        world.clock_offset += self.seconds


Action = (
    Declare
    | Withdraw
    | File
    | DirectoryGone
    | EngineTrouble
    | EngineAway
    | EngineRestarts
    | DiskFull
    | Kill
    | Restart
    | ByHand
    | Foreign
    | Ask
    | ClockJumps
)


@dataclass(frozen=True)
class Moment:
    """*after* so many seconds *action* happens."""

    after: float
    action: Action
