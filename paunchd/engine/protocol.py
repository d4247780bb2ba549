"""What the rest of the program asks of a container engine. Every call may raise any ``EngineError``.

*ref* is a container's id or engine name; whoever decided from a snapshot passes the id.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from paunchd.reconcile.model import Details, Listed
from paunchd.spec import ContainerSpec, Limits, RestartPolicy

OUTPUT_LIMIT = 64 * 1024
"""Of any output only this many bytes are kept, the newest."""
LOGS_AT_ONCE = 16
"""So many logs can be read out at once; more wait."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command in a container ended. *exit_code* ``None``: it ran out of its time and was killed.

    *output* is the end of both streams, as text whatever its bytes were (T-030).
    """

    exit_code: int | None
    output: str

    @property
    def timed_out(self) -> bool:
        return self.exit_code is None


@dataclass(frozen=True, slots=True)
class LogWish:
    """From the newest *tail* lines on, or from the first with ``None``; *follow*: until the container ends, too."""

    tail: int | None
    follow: bool = False
    timestamps: bool = False


class Engine(Protocol):
    async def list(self) -> Sequence[Listed]:
        """Report every container, ours or not, in one call."""

    async def inspect(self, ref: str) -> Details: ...

    async def image_id(self, image: str) -> str:
        """Return the id of what *image*, a name or an id, means here; empty where it means nothing."""

    async def pull(self, image: str) -> None:
        """Fetch *image*, also where it is present: ask ``image_id`` first (T-009).

        Whatever keeps it from being had is ``NotFound``; only an engine that is away is
        ``EngineUnavailable``.
        """

    async def create(self, engine_name: str, spec: ContainerSpec, labels: Mapping[str, str]) -> str:
        """Create, not start, and return the id. *labels* win over the spec's own.

        ``Conflict``: the name is taken. ``NotFound``: the image is not here. ``Rejected``: everything else
        the engine refuses.
        """

    async def start(self, ref: str) -> None:
        """Start; nothing happens to one that runs. ``Rejected``: what it asks for cannot be had."""

    async def stop(self, ref: str, grace_seconds: float) -> None:
        """Stop with the container's own signal and grace period; nothing happens to one that does not run.

        *grace_seconds* is that period, as an inspect tells it: the engine may take so much longer to answer.
        """

    async def kill(self, ref: str) -> None:
        """Kill at once; nothing happens to one that does not run."""

    async def signal(self, ref: str, signal: str) -> None:
        """Send *signal* (``SIGHUP``, ``1``) to the main process. ``Conflict``: the container does not run."""

    async def unpause(self, ref: str) -> None:
        """Let go on; nothing happens to one that is not paused."""

    async def remove(self, ref: str) -> None:
        """Remove the container and no volume, by force only where the engine refuses otherwise (T-010).

        One that still runs is stopped with its grace first.
        """

    async def rename(self, ref: str, to: str) -> None: ...

    async def update(self, ref: str, restart: RestartPolicy | None, limits: Limits | None) -> None:
        """Change a living container in place; ``None``, also within *limits*, leaves as it is."""

    async def run_exec(  # noqa: PLR0913 - one command has as many sides
        self,
        ref: str,
        command: Sequence[str],
        *,
        environment: Sequence[tuple[str, str | None]] = (),
        user: str | None = None,
        privileged: bool = False,
        timeout_seconds: float | None = None,
    ) -> ExecResult:
        """Run *command* in a running container and wait for it. ``Conflict``: the container does not run.

        A variable without value passes the daemon's own. A command that cannot be run at all has exit code
        126 or 127 and the reason as its output.
        """

    async def logs(self, ref: str, tail: int) -> str:
        """Return the newest *tail* lines of both streams, as text whatever their bytes are."""

    def log_pieces(self, ref: str, wish: LogWish) -> AsyncGenerator[bytes, None]:
        """Yield what both streams of a container hold, as *wish* says.

        The first piece is empty and says that the engine answers. Whoever does not read to the end closes it.
        """

    def events(self) -> AsyncIterator[Mapping[str, str]]:
        """Yield the labels of the container at least once for each change of one, and say nothing about the change.

        Without labels: it may be any. That is the first one, for whatever happened before it listened. Ends only with
        ``EngineUnavailable``, or when it is closed or cancelled.
        """

    async def close(self) -> None: ...
