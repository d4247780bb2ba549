"""Contenders that bring a node to what a fleet of definitions says, and taking turns."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

QUIET_SECONDS = 0.25

Definition = Mapping[str, Any]
Fleet = Mapping[str, Definition]


class Contender(ABC):
    """One way to run a node, alone on its engine. Every time is in seconds, from the order to its end."""

    name: ClassVar[str]

    @abstractmethod
    def prepare(self) -> None:
        """Begin on an engine without a container."""

    @abstractmethod
    def apply(self, fleet: Fleet) -> float:
        """Declare *fleet*, bring the node to it, and return how long that took until the last container ran."""

    def change(self, fleet: Fleet) -> float:
        """The same where one container is another than before, and is to be without an answer as shortly as can be."""
        return self.apply(fleet)

    @abstractmethod
    def again(self) -> float:
        """How long it takes to find that nothing is to be done."""

    @abstractmethod
    def clean(self) -> None:
        """Leave nothing on the engine."""


@contextmanager
def alone(contender: Contender) -> Iterator[None]:
    """Give *contender* the engine for as long as the block lasts."""
    contender.prepare()
    try:
        yield
    finally:
        contender.clean()


def turns(contenders: Sequence[Contender], rounds: int) -> Iterator[tuple[int, Contender]]:
    """A B C A B C …: what changes on the machine meanwhile falls on all of them."""
    for number in range(rounds):
        for contender in contenders:
            yield number, contender


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """A list that has the block's seconds once it is over."""
    taken: list[float] = []
    began = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - began)


def changed(before: Fleet, after: Fleet) -> list[str]:
    return [name for name, definition in after.items() if before.get(name) != definition]
