"""paunchctl: the operator's hand.

Exit codes: 0 fine; 1 the answer is bad; 2 used wrongly; 3 the daemon does not answer.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from paunchd import __version__, cli_offline, cli_reads, cli_writes
from paunchd.cli_options import BAD, NO_ANSWER, WRONG_USE, Options
from paunchd.client import NoAnswerError, RefusedError

_MORE = """\b
Exit codes:
  0  fine
  1  the answer is bad: a broken file, a container that failed, a wait that timed out
  2  used wrongly, or the settings are wrong
  3  the daemon does not answer

\b
Environment:
  PAUNCHD_SOCKET       the daemon's socket
  PAUNCHD_CONFIG       the settings file that names it (else /etc/paunchd/paunchd.yaml)
  PAUNCHD_DESIRED_DIR  the desired directory, over the settings

\b
At three in the morning:
  paunchctl status            what is wrong, and what to do about it
  paunchctl show nova_api     why it is not up, and what a rejected revision said
  paunchctl history nova_api  what it was before, and who asked for what
  paunchctl rollback nova_api put it back
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    from paunchd.errors import SettingsError  # noqa: PLC0415 - see cli_options

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


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_MORE)
@click.option("--socket", type=click.Path(path_type=Path), help="The daemon's socket (or PAUNCHD_SOCKET).")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file that names the socket.")
@click.option("--output", "-o", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.version_option(__version__, prog_name="paunchctl")
@click.pass_context
def paunchctl(context: click.Context, socket: Path | None, config: Path | None, output: str) -> None:
    """Ask and tell the container supervisor of this node."""
    context.obj = Options(socket, config, output)


def _complain(text: str, code: int) -> None:
    click.echo(f"paunchctl: {text}", err=True)
    sys.exit(code)


for _part in (cli_reads, cli_writes, cli_offline):
    for _command in vars(_part).values():
        if isinstance(_command, click.Command):
            paunchctl.add_command(_command)

if __name__ == "__main__":
    main()
