"""Commands that need no daemon."""

import json
from pathlib import Path

import click

from paunchd.cli_options import BAD, NAME, Options, fail
from paunchd.wording import count


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def check(options: Options, path: Path) -> int:
    """Judge a definition file or directory; no daemon needed."""
    from paunchd.cli_files import judge, judgement  # noqa: PLC0415

    try:
        found = judge(path, strict_keys=options.settings.strict_keys)
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
    configs = found.configs
    faults = [fault for config in configs for fault in config.faults]
    if options.json:
        click.echo(json.dumps(judgement(configs), indent=2))
        return BAD if faults else 0
    for warning in (w for config in configs for w in config.warnings):
        click.echo(f"warning: {warning}", err=True)
    for told in found.undeclared:
        click.echo(f"warning: {told}", err=True)
    for fault in faults:
        click.echo(str(fault), err=True)
    if faults:
        return BAD
    names = sum(len(config.names) for config in configs)
    click.echo(f"{path} is fine: {count(len(configs), 'config')}, {count(names, 'name')}")
    return 0


@click.command()
@NAME
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
        return fail(f"no container `{name}` is declared in {where}")
    arguments = render_spec(name, found[name])
    click.echo(json.dumps(arguments) if options.json else quoted(arguments))
    return 0


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes commands, options and names in a shell.

    For bash: `paunchctl completion bash > /etc/bash_completion.d/paunchctl`.
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - see cli_options

    made = get_completion_class(shell)
    if made:
        click.echo(made(context.find_root().command, {}, "paunchctl", "_PAUNCHCTL_COMPLETE").source())
