"""What image names mean on this node now.

Must never decide anything. The engine's list tells it for nothing, as long as a container shows an image by its name;
asked is only for the rest, and not again for a while.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import structlog

from paunchd.engine.protocol import Engine
from paunchd.errors import EngineUnavailable
from paunchd.reconcile.model import Listed

ASKED_SECONDS = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    image_id: str
    at: float


class Meanings:
    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock
        self._answers: dict[str, Answer] = {}

    def forget(self) -> None:
        """A lane may have pulled an image; a question under way keeps what it has found out."""
        self._answers = {}

    async def of(self, wanted: Collection[str], listed: Iterable[Listed]) -> dict[str, str]:
        """Return the id of each of *wanted*, names or ids; empty where no such image is here.

        One the engine will not tell about is as it was last told, or left out.
        """
        if not wanted:
            return {}
        shown = _shown(listed)
        unknown = wanted - shown.keys()
        now = self._clock()
        kept = {name: answer for name, answer in self._answers.items() if name in unknown}
        old = [name for name in sorted(unknown) if name not in kept or now - kept[name].at >= ASKED_SECONDS]
        self._answers = kept
        await asyncio.gather(*(self._ask(name, kept) for name in old))
        return shown | {name: answer.image_id for name, answer in kept.items()}

    async def _ask(self, name: str, answers: dict[str, Answer]) -> None:
        try:
            image_id = await self._engine.image_id(name)
        except EngineUnavailable as error:
            log.warning("image_unseen", image=name, error=str(error))
            return
        answers[name] = Answer(image_id, self._clock())


def _shown(listed: Iterable[Listed]) -> dict[str, str]:
    """Each image by its id, and by its name where all who show that name agree."""
    ids: dict[str, set[str]] = {}
    for one in listed:
        ids.setdefault(one.image_id, set()).add(one.image_id)
        ids.setdefault(one.image, set()).add(one.image_id)
    return {name: found.pop() for name, found in ids.items() if len(found) == 1}
