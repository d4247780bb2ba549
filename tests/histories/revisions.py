"""What a history may declare, and what a container of it then does on the engine, second by second."""

from dataclasses import dataclass

from paunchd.spec import ContainerSpec, config_hash
from tests.fakes.engine import Behaviour

SECRET = "hunter2-planted"
OWNER = "paunchd"
CONTAINERS, TASK, EXEC, NEIGHBOUR = ("aa", "bb", "cc"), "tt", "xx", "zz"
NAMES = (*CONTAINERS, TASK, EXEC, NEIGHBOUR)
FILE_OF = {"aa": "one", "bb": "one", TASK: "two", "cc": "two", EXEC: "three", NEIGHBOUR: "base"}
TARGET = "aa"


@dataclass(frozen=True)
class Course(Behaviour):
    """*ends*: so many seconds after each start it ends with this code. *steady* seconds it first runs well, whatever
    comes then. *sick_after* its first start it is unhealthy for good. *passes_after*: its health test does, since its
    start; ``None``: never.
    """

    ends: tuple[float, int] | None = None
    steady: float = 0.0
    sick_after: float | None = None
    passes_after: float | None = None


COURSES = {
    "good": Course(),
    "tested": Course(passes_after=1.0),
    "one-shot": Course(exits=0),
    "exits": Course(ends=(0.5, 3)),
    "loops": Course(ends=(0.3, 3)),
    "loops late": Course(ends=(0.3, 3), steady=4.0),
    "deaf": Course(),
    "sick late": Course(passes_after=1.0, sick_after=5.0),
    "no image": Course(),
    "refused": Course(refused_create="the engine does not like it"),
    "unstartable": Course(refused_start="no such file or directory"),
    "task": Course(ends=(2.0, 0)),
    "failing task": Course(ends=(1.0, 3)),
}
WELL = ("good", "tested", "one-shot")
ILL = ("exits", "loops", "loops late", "deaf", "sick late", "no image", "refused", "unstartable")
FIRST_GOOD = ("loops late", "sick late")  # healthy for a moment, which is enough where there is nothing better
TASKS = ("task", "failing task")
EXECS = ("exec", "failing exec")
TESTED = ("tested", "deaf", "sick late")
ENDING = ("one-shot", "exits")
WAYS = ("", "start-first", "group")


@dataclass(frozen=True, order=True)
class Revision:
    """One content of a name: *number* makes two of the same *kind* differ."""

    kind: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def well(self) -> bool:
        return self.kind in WELL or self.kind == "task"


@dataclass(frozen=True)
class Definition:
    """A revision with what is not hashed of it: the *way* it is rolled out."""

    name: str
    revision: Revision
    way: str = ""

    def __str__(self) -> str:
        return f"{self.name} is declared as {self.revision}" + (f", {self.way}" if self.way else "")

    @property
    def content(self) -> dict[str, object]:
        """As a file says it."""
        kind, number = self.revision.kind, str(self.revision.number)
        if kind in EXECS:
            return {"action": "exec", "command": [TARGET, kind, number], "environment": {"SECRET": SECRET}}
        made: dict[str, object] = {
            "image": "absent:1" if kind == "no image" else "stub:1",
            "command": [kind, number],
            "environment": {"SECRET": SECRET},
            "restart": "no" if kind in ENDING else "always",
        }
        if kind in TESTED:
            made["healthcheck"] = {"test": ["CMD", "check"]}
        if kind in TASKS:
            return made | {"detach": False, "restart": "no"}
        if self.name == "cc":
            made["start_order"] = 1  # after the task, which has 0
        rollout = {"start-first": {"strategy": "start-first"}, "group": {"group": "pair"}}.get(self.way)
        return made | ({"rollout": rollout} if rollout else {})

    @property
    def hash(self) -> str:
        return config_hash(ContainerSpec.model_validate(self.content))


BY_HASH = {
    Definition(name, Revision(kind, number)).hash: Revision(kind, number)
    for name, kinds in (("aa", (*WELL, *ILL)), (TASK, TASKS), (EXEC, EXECS))
    for kind in kinds
    for number in (1, 2, 3)
}
