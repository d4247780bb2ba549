"""The faults of a soak: what each kind does, and how often it is played beside the others."""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.functional.faults import EACH, Fault, Harm, Harmed, What, When
from tests.functional.node import Node
from tests.functional.proxy import Proxy
from tests.scenarios.scenario import service
from tests.soak.fleet import Config, Fleet, Member, Place, Turn

LOOKS = ("GET /containers/json", "GET /containers/[^/]+/json")
DEEDS = ("/create$", "/start$", "/stop$", "/rename$", "^DELETE ", "/exec")
HARMED_EVENTS = 20
TROUBLE = "context deadline exceeded"  # what an engine says that is in trouble itself, of whatever it is asked
VISITORS = "visitors"


@dataclass
class Play:
    """The node, what is declared on it, and dice. *by_hand*: containers that somebody else than the daemon moved.

    *undeclared*: names that no file declared for a while, so that their containers may go.
    """

    node: Node
    proxy: Proxy
    fleet: Fleet
    dice: random.Random
    played: Counter[str] = field(default_factory=Counter)
    by_hand: set[str] = field(default_factory=set)
    undeclared: set[str] = field(default_factory=set)
    visitors: int = 0

    @property
    def visitor(self) -> str:
        """The newest of the names that are no members."""
        return f"visitor-{self.visitors}"

    def config(self, *places: Place) -> Config | None:
        """One of the configs at *places*; the dice are thrown once, whatever is there."""
        chance = self.dice.random()
        there = [config for config in self.fleet.configs if config.place in places]
        return there[int(chance * len(there))] if there else None

    def unit(self) -> tuple[Config, list[Member]] | None:
        config, chance = self.config(Place.THERE), self.dice.random()
        return (config, config.units[int(chance * len(config.units))]) if config else None

    def member(self) -> Member:
        return self.dice.choice(self.fleet.members())

    def unexpected(self, states: dict[str, str]) -> dict[str, str]:
        """Those of *states* that are not as all that is declared must end."""
        return self.fleet.unexpected(states, {self.visitor: "running"} if self.visitors else {})

    def calm(self) -> None:
        self.proxy.away = False
        self.proxy.calm()

    def random(self) -> None:
        """Play one fault."""
        kind = self.dice.choices(list(FAULTS), [weight for weight, _ in FAULTS.values()])[0]
        FAULTS[kind][1](self)
        self.played[kind] += 1


# --- the directory ------------------------------------------------------------------------------------------------


def change(turn: Turn) -> Callable[[Play], None]:
    def play(on: Play) -> None:
        found = on.unit()
        if found and (turn is Turn.GOOD or (found[1][0].kind == "container" and not found[0].young)):
            on.fleet.change(*found, turn)

    return play


def revert(on: Play) -> None:
    found = on.unit()
    if found:
        on.fleet.revert(*found)


def tune(on: Play) -> None:
    found, shares = on.unit(), on.dice.choice([256, 512, 2048])
    if found:
        on.fleet.tune(*found, shares)


def spoil(on: Play) -> None:
    config = on.config(Place.THERE)
    if config:
        on.fleet.spoil(config)


def mend(on: Play) -> None:
    config = on.config(Place.BROKEN)
    if config:
        on.fleet.write(config)


def remove(on: Play) -> None:
    """Only one config at a time, so that no removal waits for an operator."""
    config = on.config(Place.THERE)
    if config and not any(other.place is Place.GONE for other in on.fleet.configs):
        on.undeclared.update(one.name for one in config.members)
        on.fleet.remove(config)


def restore(on: Play) -> None:
    config = on.config(Place.GONE)
    if config:
        on.fleet.restore(config)


def visit(on: Play) -> None:
    """A name that never was there before comes, and the last such one goes."""
    on.undeclared.add(on.visitor)
    on.visitors += 1
    on.node.write(VISITORS, {on.visitor: service()})


# --- a person's hands ---------------------------------------------------------------------------------------------


def by_hand(method: str, action: str) -> Callable[[Play], None]:
    def play(on: Play) -> None:
        name = on.member().name
        slot = on.dice.choice(["", "", "", ".prev"])
        there = on.node.id(name + slot)
        if not there:
            return
        on.fleet.doubt(name)
        on.by_hand.add(there)
        with suppress(AssertionError):  # it may have gone meanwhile, or not be in a state for it
            on.node.engine.call(method, f"/containers/{there}{action}")

    return play


def rename(on: Play) -> None:
    name = on.member().name
    by_hand("POST", f"/rename?name={on.node.full(name)}-moved-{on.dice.randrange(10_000)}")(on)


# --- the engine ---------------------------------------------------------------------------------------------------


def engine(what: What, patterns: tuple[str, ...], *whens: When) -> Callable[[Play], None]:
    """Let *what* happen at one call of the next few, or at each, until the proxy is calmed."""

    def play(on: Play) -> None:
        number = on.dice.choice([1, 2, 3, EACH])
        pattern, when, seconds = on.dice.choice(patterns), on.dice.choice(whens), on.dice.uniform(0.2, 2.0)
        on.proxy.arm(Fault(number, what, when, on=pattern, seconds=seconds, message=TROUBLE))

    return play


def cut(on: Play) -> None:
    on.proxy.cut_all()


def away(on: Play) -> None:
    on.proxy.away = True
    on.proxy.cut_all()


def harm(what: Harm) -> Callable[[Play], None]:
    return lambda on: on.proxy.harm(Harmed(what, left=HARMED_EVENTS))


def reload(on: Play) -> None:
    os.kill(on.node.pid, signal.SIGHUP)


ANY = (*LOOKS, *DEEDS)
FAULTS: dict[str, tuple[int, Callable[[Play], None]]] = {
    "changed to a good revision": (12, change(Turn.GOOD)),
    "changed to one that fails in the gate": (6, change(Turn.GATE)),
    "changed to one that fails in probation": (6, change(Turn.PROBATION)),
    "reverted": (6, revert),
    "limits changed": (3, tune),
    "file broken": (2, spoil),
    "file mended": (3, mend),
    "config removed": (2, remove),
    "config back": (2, restore),
    "a new name": (3, visit),
    "stopped by hand": (2, by_hand("POST", "/stop?t=0")),
    "killed by hand": (2, by_hand("POST", "/kill")),
    "removed by hand": (2, by_hand("DELETE", "?force=1")),
    "paused by hand": (2, by_hand("POST", "/pause")),
    "renamed by hand": (2, rename),
    "engine slow": (2, engine(What.DELAY, ANY, When.BEFORE)),
    "engine answers 500": (3, engine(What.ANSWER, ANY, When.BEFORE, When.AFTER)),
    "connection cut": (3, engine(What.CUT, ANY, When.BEFORE, When.AFTER)),
    "call hangs": (3, engine(What.HANG, ANY, When.BEFORE)),
    "all connections cut": (2, cut),
    "engine away": (1, away),
    "events lost": (1, harm(Harm.LOSE)),
    "events doubled": (1, harm(Harm.DOUBLE)),
    "events reversed": (1, harm(Harm.REVERSE)),
    "SIGHUP": (1, reload),
}
