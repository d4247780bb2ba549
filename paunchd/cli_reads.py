"""Commands that ask the daemon."""

import json
import sys
from typing import Any

import click

from paunchd.cli_options import BAD, NAME, NAMES, OPTIONAL_NAME, Options, fail, show_answer


@click.command()
@click.pass_obj
def status(options: Options) -> int:
    """Show what is wrong first, then every container."""
    node, listed = options.client.get("status"), options.client.get("containers")
    show_answer(
        options,
        lambda t: t.status_page(node, listed["containers"]),
        node | {"containers": listed["containers"]},
    )
    return BAD if any(one["bad"] for one in node["wrong"]) else 0


@click.command()
@NAME
@click.pass_obj
def show(options: Options, name: str) -> int:
    """Show everything about one container, task or exec."""
    one = options.client.get("containers", name)
    show_answer(options, lambda t: t.container_page(one), one)
    return BAD if one["bad"] else 0


@click.command()
@click.pass_obj
def plan(options: Options) -> None:
    """Show what the daemon is about to do, and what it does not do and why."""
    found = options.client.get("plan")
    show_answer(options, lambda t: t.plan_page(found), found)


@click.command()
@OPTIONAL_NAME
@click.pass_obj
def history(options: Options, name: str | None) -> None:
    """Tell what happened last on the node, or to one name, newest first.

    Of one name also each revision, with what became of it and who asked for it.
    """
    found = options.client.get("containers", name, "history") if name else options.client.get("history")
    show_answer(options, lambda t: t.history_page(found), found)


@click.command()
@NAME
@click.option("--follow", "-f", is_flag=True, help="Go on with what is still to come.")
@click.option("--tail", "-n", default="200", show_default=True, metavar="N|all", help="So many of the newest lines.")
@click.option("--timestamps", "-t", is_flag=True, help="Begin each line with its time.")
@click.option("--container", type=click.Choice(["live", "next", "prev"]), help="The prepared or the kept one instead.")
@click.pass_obj
def logs(options: Options, /, name: str, **wish: Any) -> None:
    """Print what a container, task or exec has printed.

    Of a task or exec whose container is gone, what was kept of its newest run. `paunchctl show` has what a rejected
    revision said. On a terminal, control characters but colours are left out.
    """
    from paunchd.cli_follow import log_pieces, tame  # noqa: PLC0415 - see cli_options

    query = {key: str(value).lower() for key, value in wish.items() if value is not None}
    terminal = sys.stdout.isatty()
    for piece in log_pieces(options.client, name, query, endless=wish["follow"]):
        click.echo(tame(piece.decode(errors="replace")) if terminal else piece, nl=False)
        sys.stdout.flush()


@click.command()
@NAMES
@click.pass_obj
def events(options: Options, names: tuple[str, ...]) -> None:
    """Follow what changes, of all names or of some: states, lanes, verdicts, results.

    It goes on over a restart of the daemon, and tells nothing twice. With `--output json` each event is a line.
    """
    from paunchd.cli_follow import events as follow  # noqa: PLC0415 - see cli_options
    from paunchd.cli_tables import console, event_line  # noqa: PLC0415 - see cli_options

    out = console()
    for event in follow(options.client, names):
        if options.json:
            click.echo(json.dumps(event))
        elif event["kind"] != "reset":
            out.print(event_line(event))
        sys.stdout.flush()


@click.command()
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
    return fail("\n  ".join([verdict, *(look.why or left)]))
