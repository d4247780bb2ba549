"""What every command of the client shares: what stands before it, how it answers, and how it ends.

Heavy imports wait until a command needs them, so that the client starts at once.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paunchd.client import Client, NoAnswerError, RefusedError

if TYPE_CHECKING:
    from paunchd.settings import Settings

BAD, WRONG_USE, NO_ANSWER = 1, 2, 3
COMPLETION_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """What stands before the command."""

    socket: Path | None
    config: Path | None
    output: str

    @property
    def json(self) -> bool:
        return self.output == "json"

    @property
    def settings(self) -> "Settings":
        from paunchd.settings import load_settings  # noqa: PLC0415 - see the module's docstring

        return load_settings(self.config)

    @property
    def client(self) -> Client:
        return Client(self._path)

    @property
    def _path(self) -> Path:
        named = self.socket or (Path(os.environ["PAUNCHD_SOCKET"]) if os.environ.get("PAUNCHD_SOCKET") else None)
        return named or self.settings.api.socket

    def names(self) -> list[str]:
        """Every name the daemon knows, at once or none: nobody waits for a completion."""
        listed = Client(self._path, COMPLETION_SECONDS).get("containers")
        return [one["name"] for one in listed["containers"]]


def _complete(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    from paunchd.errors import SettingsError  # noqa: PLC0415

    before = context.find_root().params
    try:
        names = Options(before.get("socket"), before.get("config"), "table").names()
    except (NoAnswerError, RefusedError, SettingsError):
        return []
    return [name for name in names if name.startswith(begun)]


NAME = click.argument("name", shell_complete=_complete)
OPTIONAL_NAME = click.argument("name", required=False, shell_complete=_complete)
NAMES = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_complete)


def show_answer(options: Options, page: Callable[[Any], Any], answer: Any) -> None:
    """Print *answer* for programs, or what *page* makes of it with ``cli_tables``."""
    if options.json:
        click.echo(json.dumps(answer, indent=2))
        return
    from paunchd import cli_tables  # noqa: PLC0415

    cli_tables.show(page(cli_tables))


def fail(text: str) -> int:
    click.echo(f"paunchctl: {text}", err=True)
    return BAD
