"""The parts of the play together, and the one way to wait: look until it is so, and show each look."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from node import Node
from stage import Row, Stage
from supervisor import Supervisor
from visitor import Visitor
from witness import Sighting, Witness

_EVERY_SECONDS = 0.15
_LONGEST_SECONDS = 60.0
_AT_REST = frozenset({"running", "succeeded"})
_FACTS = ("id", "started_at", "restarts", "running")


class ActFailedError(Exception):
    """Raised when what an act waits for does not come; the text says what, and how things stand instead."""


@dataclass(frozen=True)
class Look:
    """What the daemon says at one moment. *containers* are its answers by declared name."""

    generation: int = 0
    planned: bool = False
    settled: bool = False
    containers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def at_rest(self) -> bool:
        """Everything proven or succeeded, nothing left to wait for."""
        states = {one["state"] for one in self.containers.values()}
        return self.planned and self.settled and bool(states) and states <= _AT_REST

    def is_at_rest_after(self, generation: int) -> bool:
        return self.generation > generation and self.at_rest


@dataclass(frozen=True)
class Scene:
    """Who is on stage. *visitor* asks the service's port all the time."""

    stage: Stage
    node: Node
    supervisor: Supervisor
    witness: Witness
    visitor: Visitor

    def look(self) -> Look:
        answer = self.supervisor.ask("containers")
        if answer is None:
            return Look()
        planned = answer["observed_generation"] >= answer["generation"]
        containers = {one["name"]: one for one in answer["containers"]}
        return Look(answer["generation"], planned, answer["settled"], containers)

    def until(self, reached: Callable[[Look], bool], what: str, *, leave: bool = True) -> Look:
        """Look again and again until *reached*; the last table stays if *leave*. Raises ``ActFailedError``."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        with self.stage.watching(leave=leave) as show:
            while True:
                look = self.look()
                show(self._rows(look), self._footnote())
                if reached(look):
                    return look
                if not self.supervisor.alive:
                    raise ActFailedError(f"the daemon has ended while this was waited for: {what}")
                if time.monotonic() > deadline:
                    states = ", ".join(f"{name}: {one['state']}" for name, one in look.containers.items())
                    raise ActFailedError(f"not within {_LONGEST_SECONDS:g} s: {what} ({states or 'no answer'})")
                time.sleep(_EVERY_SECONDS)

    def check_untouched(
        self, sentence: str, before: Mapping[str, Sighting], but: tuple[str, ...] = ()
    ) -> Mapping[str, Sighting]:
        """Check in the engine that all but some are the same containers, not so much as restarted."""
        after = self.witness.containers()
        changed = [
            self.node.short(name)
            for name in sorted(before.keys() | after.keys())
            if name not in but and (name not in before or name not in after or not _same(before[name], after[name]))
        ]
        found = f"changed: {', '.join(changed)}" if changed else f"{len(after.keys() - set(but))} containers, same ids"
        self.stage.check(sentence, not changed, found)
        return after

    def _rows(self, look: Look) -> list[Row]:
        ids = self.witness.ids()
        steps = self.node.steps
        return [
            Row(
                step=str(steps.get(name, "")),
                name=self.node.short(name),
                state=one["state"],
                image=(one["image"] or "").removeprefix(self.node.image),
                container=ids.get(name, "")[:12],
                why=self._brief(one["doing"] or one["reason"]),
            )
            for name, one in sorted(look.containers.items(), key=lambda pair: (steps.get(pair[0], 0), pair[0]))
        ]

    def _brief(self, words: str) -> str:
        """*words* without what is only this run's."""
        return words.replace(f"-{self.node.token}", "").replace(f"{self.node.desired_dir}/", "")

    def _footnote(self) -> str:
        return f"the service's port, last 6 s (█ answered, ░ not): {self.visitor.strip()}"


def _same(before: Sighting, after: Sighting) -> bool:
    return all(getattr(before, fact) == getattr(after, fact) for fact in _FACTS)
