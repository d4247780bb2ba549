"""What is declared in a soak: configs of every kind, and which revision of each member its file has now.

What goes wrong by hand or by order may make a good revision fail as well; such a one is *doubted*, and nobody can say
how it ends before it is written anew.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.functional.daemon_side import Definition
from tests.functional.node import Node
from tests.scenarios.scenario import running_script, service, task

BESIDE = {"strategy": "start-first"}
BROKEN = "{this is: [no definition"
GROUP = 3
LAST_STEP = 3
SOON = {"healthy_deadline_seconds": 4}


class Turn(Enum):
    GOOD = "good"
    GATE = "fails in the gate"
    PROBATION = "fails in probation"


class Place(Enum):
    THERE = "there"
    BROKEN = "broken"
    GONE = "gone"


@dataclass
class Member:
    """One name. *goods* are the newest revisions of it that ought to be good."""

    name: str
    kind: str = "container"
    target: str = ""
    checked: bool = False
    keys: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    turn: Turn = Turn.GOOD
    goods: list[int] = field(default_factory=lambda: [0])
    doubts: set[int] = field(default_factory=set)

    @property
    def at_once(self) -> int:
        return 2 if self.keys.get("rollout", {}).get("strategy") else 1

    @property
    def order(self) -> int:
        return int(self.keys.get("start_order", 0))

    @property
    def doubted(self) -> bool:
        return self.revision in self.doubts

    def become(self, revision: int, turn: Turn) -> None:
        self.revision, self.turn = revision, turn
        if turn is Turn.GOOD and revision not in self.goods:
            self.goods = [*self.goods[-1:], revision]

    def doubt(self) -> None:
        self.doubts.add(self.revision)

    def definition(self) -> Definition:
        keys = {**self.keys, "environment": {"V": str(self.revision)}}
        match (self.kind, self.turn):
            case ("exec", _):
                return {"action": "exec", "command": [self.target, "true"], **keys}
            case ("task", _):
                return task("echo done", **keys)
            case (_, Turn.PROBATION):
                return running_script("sleep 2; exit 3", restart="no", **keys)
            case (_, Turn.GATE) if not self.checked:
                return running_script("exit 3", restart="no", **keys)
        check = {"test": "true" if self.turn is Turn.GOOD else "false", "interval": "60s", "timeout": "5s"}
        deadline = {} if self.turn is Turn.GOOD else {"rollout": {**keys.get("rollout", {}), **SOON}}
        return service(**{**keys, **({"healthcheck": check} if self.checked else {}), **deadline})


@dataclass
class Config:
    """*young*: it was declared anew, so that its members may have no good revision to return to yet."""

    config_id: str
    step: int | None
    units: list[list[Member]]
    place: Place = Place.THERE
    young: bool = False

    def holds_up(self, unit: list[Member]) -> bool:
        """Whether others are not changed while *unit* is rolled back: later steps, and later ones of its config."""
        last = max(one.order for one in self.members)
        return (self.step is not None and self.step < LAST_STEP) or any(one.order < last for one in unit)

    @property
    def members(self) -> list[Member]:
        return [member for unit in self.units for member in unit]


class Fleet:
    """*size* names in configs of five kinds; the unit of a change is a group, or a name without one."""

    def __init__(self, node: Node, size: int) -> None:
        self._node = node
        self._revisions = itertools.count(1)
        each = max(GROUP, size // 10)
        self.configs = [_config(number, each) for number in range(max(len(KINDS), size // each))]

    def members(self) -> list[Member]:
        return [member for config in self.configs for member in config.members]

    def declared(self) -> Iterator[list[Member]]:
        return (unit for config in self.configs if config.place is not Place.GONE for unit in config.units)

    def write(self, config: Config) -> None:
        config.place = Place.THERE
        self._node.write(config.config_id, {one.name: one.definition() for one in config.members}, step=config.step)

    def change(self, config: Config, unit: list[Member], turn: Turn) -> None:
        """Write *unit* anew; only its first is bad, if *turn* is, and then nobody can say of the others."""
        self._renew(unit)
        if turn is not Turn.GOOD:
            for one in unit:
                one.doubt()
            unit[0].become(next(self._revisions), turn)
        self.write(config)

    def tune(self, config: Config, unit: list[Member], shares: int) -> None:
        """Change what the engine can change on a living container."""
        for one in unit:
            if one.kind == "container":
                one.keys["cpu_shares"] = shares
        self.write(config)

    def revert(self, config: Config, unit: list[Member]) -> None:
        for one in unit:
            one.become(one.goods[0 if one.turn is Turn.GOOD else -1], Turn.GOOD)
        self.write(config)

    def spoil(self, config: Config) -> None:
        config.place = Place.BROKEN
        self._node.write_text(config.config_id, BROKEN)

    def remove(self, config: Config) -> None:
        config.place, config.young = Place.GONE, True
        self._node.delete(config.config_id)

    def restore(self, config: Config) -> None:
        """Write the file again, with nothing in it that is meant to fail: there may be nothing to return to."""
        for unit in config.units:
            if config.young and _fails(unit):
                self._renew(unit)
        self.write(config)

    def doubt(self, name: str) -> None:
        """Something was done to *name* that its own group, and what is run in it, may suffer from."""
        for config in self.configs:
            for unit in config.units:
                if any(name in (one.name, one.target) for one in unit):
                    for one in unit:
                        one.doubt()

    def settle_doubts(self) -> None:
        """Write anew what nobody can tell the end of, and what would hold up later steps; mend what is broken."""
        for config in self.configs:
            renewed = [u for u in config.units if _is_doubtful(u) or (_fails(u) and config.holds_up(u))]
            if config.place is Place.GONE or not (renewed or config.place is Place.BROKEN):
                continue
            for unit in renewed:
                self._renew(unit)
            self.write(config)

    def grown_up(self) -> None:
        """All has come to its end, so that whoever is there has a good revision."""
        for config in self.configs:
            config.young = config.place is Place.GONE

    def gone(self) -> list[str]:
        """The names that no file declares now."""
        return [one.name for config in self.configs if config.place is Place.GONE for one in config.members]

    def unexpected(self, states: dict[str, str], others: dict[str, str]) -> dict[str, str]:
        """Those of *states* that are not the end their definitions must come to; *others* are no members."""
        wanted = {name: {state} for name, state in others.items()}
        for unit in self.declared():
            fails = _fails(unit)
            for one in unit:
                good = {"running"} if one.kind == "container" else {"succeeded"}
                bad = {"rolled-back"} if one.turn is not Turn.GOOD else {"running", "rolled-back"}
                wanted[one.name] = bad if fails else good
        names = wanted.keys() | states.keys()
        return {name: states.get(name, "") for name in names if states.get(name, "") not in wanted.get(name, set())}

    def _renew(self, unit: list[Member]) -> None:
        revision = next(self._revisions)
        for one in unit:
            one.become(revision, Turn.GOOD)


def _fails(unit: list[Member]) -> bool:
    return any(one.turn is not Turn.GOOD for one in unit)


def _is_doubtful(unit: list[Member]) -> bool:
    """Nobody can tell its end: something was done to it that a good one may suffer from, and a bad one survive."""
    return unit[0].doubted or (any(one.doubted for one in unit) and not _fails(unit))


def _config(number: int, each: int) -> Config:
    kind, step, make = KINDS[number % len(KINDS)]
    config_id = f"{kind}{number // len(KINDS)}"
    names = [f"{config_id}-{index}" for index in range(each)]
    return Config(config_id, step, make(names))


def _plain(names: list[str]) -> list[list[Member]]:
    return [[Member(name, keys={"start_order": index % 2})] for index, name in enumerate(names)]


def _checked(names: list[str]) -> list[list[Member]]:
    return [[Member(name, checked=True)] for name in names]


def _beside(names: list[str]) -> list[list[Member]]:
    return [[Member(name, checked=bool(n % 2), keys={"rollout": BESIDE})] for n, name in enumerate(names)]


def _grouped(names: list[str]) -> list[list[Member]]:
    pairs = [names[begin : begin + GROUP] for begin in range(0, len(names), GROUP)]
    return [[Member(name, keys={"rollout": {"group": unit[0]}}) for name in unit] for unit in pairs]


def _once(names: list[str]) -> list[list[Member]]:
    first, run, sync, *rest = names
    once = [Member(run, "exec", first, keys={"start_order": 1}), Member(sync, "task")]
    after = [Member(name, keys={"depends_on": [sync], "start_order": 1}) for name in rest]
    return [[one] for one in [Member(first), *once, *after]]


KINDS = (
    ("base", 1, _plain),
    ("checked", 2, _checked),
    ("beside", LAST_STEP, _beside),
    ("grouped", None, _grouped),
    ("once", None, _once),
)
