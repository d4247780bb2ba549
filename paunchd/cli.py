"""paunchctl: the operator's hand.

Exit codes: 0 fine; 1 the answer is bad; 2 used wrongly; 3 the daemon does not answer. Heavy imports wait
until a command needs them, so that the client starts at once.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paunchd import __version__
from paunchd.client import Client, NoAnswerError, RefusedError

if TYPE_CHECKING:
    from paunchd.settings import Settings

BAD, WRONG_USE, NO_ANSWER = 1, 2, 3


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
        named = self.socket or (Path(os.environ["PAUNCHD_SOCKET"]) if os.environ.get("PAUNCHD_SOCKET") else None)
        return Client(named or self.settings.api.socket)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    from paunchd.errors import SettingsError  # noqa: PLC0415

    try:
        sys.exit(paunchctl.main(arguments, prog_name="paunchctl", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except SettingsError as error:
        _complain(str(error), WRONG_USE)
    except NoAnswerError as error:
        _complain(str(error), NO_ANSWER)
    except RefusedError as error:
        _complain(str(error), BAD)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(BAD)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--socket", type=click.Path(path_type=Path), help="The daemon's socket (or PAUNCHD_SOCKET).")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file that names the socket.")
@click.option("--output", "-o", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.version_option(__version__, prog_name="paunchctl")
@click.pass_context
def paunchctl(context: click.Context, socket: Path | None, config: Path | None, output: str) -> None:
    """Ask and tell the container supervisor of this node."""
    context.obj = Options(socket, config, output)


@paunchctl.command()
@click.pass_obj
def status(options: Options) -> int:
    """Show what is wrong first, then every container."""
    node, listed = options.client.get("status"), options.client.get("containers")
    _show(
        options,
        lambda t: t.status_page(node, listed["containers"]),
        node | {"containers": listed["containers"]},
    )
    return BAD if any(one["bad"] for one in node["wrong"]) else 0


@paunchctl.command()
@click.argument("name")
@click.pass_obj
def show(options: Options, name: str) -> int:
    """Show everything about one container, task or exec."""
    one = options.client.get("containers", name)
    _show(options, lambda t: t.container_page(one), one)
    return BAD if one["bad"] else 0


@paunchctl.command()
@click.pass_obj
def plan(options: Options) -> None:
    """Show what the daemon is about to do, and what it does not do and why."""
    found = options.client.get("plan")
    _show(options, lambda t: t.plan_page(found), found)


@paunchctl.command()
@click.argument("name")
@click.pass_obj
def history(options: Options, name: str) -> None:
    """Tell what happened to one container, newest first."""
    found = options.client.get("containers", name, "history")
    _show(options, lambda t: t.history_table(found["history"]), found)


@paunchctl.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def check(options: Options, path: Path) -> int:
    """Judge a definition file or directory; no daemon needed."""
    from paunchd.cli_files import judged, judgement  # noqa: PLC0415

    try:
        configs = judged(path, strict_keys=options.settings.strict_keys)
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
    faults = [fault for config in configs for fault in config.faults]
    if options.json:
        click.echo(json.dumps(judgement(configs), indent=2))
        return BAD if faults else 0
    for warning in (w for config in configs for w in config.warnings):
        click.echo(f"warning: {warning}", err=True)
    for fault in faults:
        click.echo(str(fault), err=True)
    if faults:
        return BAD
    names = sum(len(config.names) for config in configs)
    click.echo(f"{path} is fine: {_count(len(configs), 'config')}, {_count(names, 'name')}")
    return 0


@paunchctl.command()
@click.argument("name")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Read this file.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Read this desired directory.")
@click.pass_obj
def render(options: Options, name: str, path: Path | None, directory: Path | None) -> int:
    """Print the docker command that makes the same container, its environment too; no daemon needed."""
    from paunchd.cli_files import definitions  # noqa: PLC0415
    from paunchd.render import quoted  # noqa: PLC0415
    from paunchd.render import render as render_spec  # noqa: PLC0415

    if path and directory:
        raise click.UsageError("--file and --dir exclude each other")
    where = path or directory or options.settings.desired_dir
    try:
        found, faults = definitions(where, strict_keys=options.settings.strict_keys)
    except OSError as error:
        raise click.UsageError(f"cannot read {where}: {error.strerror}") from None
    if name not in found:
        for fault in faults:
            click.echo(str(fault), err=True)
        return _fail(f"no container `{name}` is declared in {where}")
    arguments = render_spec(name, found[name])
    click.echo(json.dumps(arguments) if options.json else quoted(arguments))
    return 0


@paunchctl.command()
@click.option("--config-id", default="", help="Wait for this config alone.")
@click.option("--timeout", "timeout_seconds", type=click.FloatRange(min=0), default=600.0, show_default=True)
@click.pass_obj
def wait(options: Options, config_id: str, timeout_seconds: float) -> int:
    """Wait until what the desired directory says now has settled, or has failed."""
    from paunchd.cli_files import digests_in  # noqa: PLC0415
    from paunchd.cli_progress import progress  # noqa: PLC0415
    from paunchd.cli_wait import Wish  # noqa: PLC0415
    from paunchd.cli_wait import wait as wait_for  # noqa: PLC0415

    settings = options.settings
    wish = Wish(config_id, digests_in(settings.desired_dir, strict_keys=settings.strict_keys))
    with progress(live=not options.json) as show_look:
        look = wait_for(options.client, wish, timeout_seconds, show_look)
    verdict = look.verdict or "timed out"
    if options.json:
        answer = {"waited": verdict, "why": list(look.why), "containers": list(look.containers)}
        click.echo(json.dumps(answer, indent=2))
        return 0 if verdict == "settled" else BAD
    if verdict == "settled":
        click.echo("settled")
        return 0
    left = [f"{c['name']}: {c['state']}: {c['reason']}" for c in look.containers if not c["settled"]]
    return _fail("\n  ".join([verdict, *(look.why or left)]))


def _asks(command: str, said: str, *parts: str) -> None:
    """Add a command that takes a name, posts to the daemon and says what will come of it."""

    @paunchctl.command(command, help=said)
    @click.argument("name")
    @click.pass_obj
    def ask(options: Options, name: str) -> None:
        answer = options.client.post("containers", name, *parts)
        click.echo(json.dumps(answer) if options.json else f"{name}: {command} accepted")


_asks("retry", "Try again what failed, was rejected or is parked.", "retry")
_asks("rollback", "Go back to the last good revision, and stay there until the definition changes.", "rollback")
_asks("restart", "Stop a container and start it again.", "restart")
_asks("hold", "Leave a container as it is, whatever its file says.", "hold")
_asks("release", "End a hold.", "release")


@paunchctl.command("confirm-removals")
@click.pass_obj
def confirm_removals(options: Options) -> None:
    """Let the removals happen that are held because they are many."""
    held = options.client.get("status")["held_removals"]
    answer = options.client.post("removals", "confirm")
    names = ", ".join(held) or "none were held"
    click.echo(json.dumps(answer) if options.json else f"removals confirmed: {names}")


@paunchctl.command()
@click.pass_obj
def reconcile(options: Options) -> None:
    """Look at everything again now."""
    answer = options.client.post("reconcile")
    click.echo(json.dumps(answer) if options.json else "a pass begins")


def _show(options: Options, page: Callable[[Any], Any], answer: Any) -> None:
    if options.json:
        click.echo(json.dumps(answer, indent=2))
        return
    from paunchd import cli_tables  # noqa: PLC0415

    cli_tables.console().print(page(cli_tables))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _fail(text: str) -> int:
    click.echo(f"paunchctl: {text}", err=True)
    return BAD


def _complain(text: str, code: int) -> None:
    click.echo(f"paunchctl: {text}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
