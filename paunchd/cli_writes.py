"""Commands that ask the daemon to do something; it answers once that is remembered, and the next pass does it."""

import json

import click

from paunchd.cli_options import NAME, Options


def _asking(action: str, said: str) -> click.Command:
    """Make the command that asks for *action* of a name."""

    @click.command(action, help=said)
    @NAME
    @click.pass_obj
    def ask(options: Options, name: str) -> None:
        answer = options.client.post("containers", name, action)
        click.echo(json.dumps(answer) if options.json else f"{name}: {action} accepted")

    return ask


retry = _asking("retry", "Try again what failed, was rejected or is parked, with whoever of its group was rejected.")
rollback = _asking("rollback", "Go back to the last good revision, and stay there until the definition changes.")
restart = _asking("restart", "Stop a container, with its signal and grace, and start it again.")
hold = _asking("hold", "Leave a container as it is, whatever its file says, until `release`.")
release = _asking("release", "End a hold.")


@click.command("confirm-removals")
@click.pass_obj
def confirm_removals(options: Options) -> None:
    """Let the removals happen that are held because they are many."""
    held = options.client.get("status")["held_removals"]
    answer = options.client.post("removals", "confirm")
    names = ", ".join(held) or "none were held"
    click.echo(json.dumps(answer) if options.json else f"removals confirmed: {names}")


@click.command()
@click.pass_obj
def reconcile(options: Options) -> None:
    """Look at everything again now."""
    answer = options.client.post("reconcile")
    click.echo(json.dumps(answer) if options.json else "a pass begins")
