"""Waits until one config's content has settled or failed: what a deployment tool asks for after writing."""

from dataclasses import dataclass

from paunchd.api.board import Board
from paunchd.api.errors import not_found
from paunchd.api.query import Parameter, Query, number, one_of, whole
from paunchd.api.views_node import ConfigView, config_view, gone_view
from paunchd.reconcile.model import Snapshot

DEFAULT_SECONDS = 60.0
LONGEST_SECONDS = 3600.0
HIGHEST = 2**63 - 1
PARAMETERS = (
    Parameter("wait", "Answer once it has settled or failed.", {"enum": ["settled"]}),
    Parameter("digest", "Wait for this content: sha256 of the file; empty: for its absence."),
    Parameter(
        "generation", "Wait for this generation at least.", {"type": "integer", "minimum": 0, "maximum": HIGHEST}
    ),
    Parameter(
        "timeout_seconds",
        "Answer then at the latest.",
        {"type": "number", "minimum": 0, "maximum": LONGEST_SECONDS, "default": DEFAULT_SECONDS},
    ),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content waited for: the file's *digest*, empty for "no file", ``None`` for whatever is there."""

    config_id: str
    digest: str | None
    generation: int
    timeout_seconds: float

    def reached(self, snapshot: Snapshot) -> bool:
        """Whether that very content has been planned with, and has settled or failed."""
        if snapshot.observed_generation < max(self.generation, snapshot.desired.generation):
            return False
        view = config_view(snapshot, self.config_id)
        if self.digest == "":
            return view is None  # what has failed before it is removed says nothing of the removal
        if view is None or self.digest not in (None, view.digest):
            return False
        return view.settled or view.failed


def wanted(config_id: str, query: Query) -> Wanted | None:
    """Read the query of a wait; ``None`` where it asks for none. Raises ``ProblemError``."""
    waits = one_of(query, "wait", ("settled",)) is not None
    wish = Wanted(
        config_id,
        query.get("digest"),
        whole(query, "generation", 0, HIGHEST),
        number(query, "timeout_seconds", DEFAULT_SECONDS, LONGEST_SECONDS),
    )
    return wish if waits else None


async def wait(board: Board, wish: Wanted) -> ConfigView:
    """Answer as soon as *wish* is reached, else when its time is over: then neither settled nor failed."""
    snapshot = await board.until(lambda seen: board.heeds(seen) and wish.reached(seen), wish.timeout_seconds)
    if snapshot is not None:
        view = config_view(snapshot, wish.config_id) or gone_view(snapshot, wish.config_id)
        return view.model_copy(update={"waited": "settled" if view.settled else "failed"})
    late = board.current and config_view(board.current, wish.config_id)
    if not late:
        raise not_found("config", wish.config_id)
    return late.model_copy(update={"waited": "timed out", "settled": False, "failed": False})
