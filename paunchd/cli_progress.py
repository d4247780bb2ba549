"""Live progress while the client waits: on a terminal a table of what is not settled, else nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner

from paunchd.cli_tables import console, containers_table
from paunchd.cli_wait import Look

_ROWS = 20


@contextmanager
def progress(*, live: bool) -> Iterator[Callable[[Look], None]]:
    """Hand out what is to be called with each look; the table is gone when the wait is over."""
    out = console(error=True)
    if not live or not out.is_terminal:
        yield lambda _look: None
        return
    with Live(console=out, transient=True, refresh_per_second=8) as shown:
        yield lambda look: shown.update(_page(look))


def _page(look: Look) -> Group:
    left = [one for one in look.containers if not one["settled"]]
    text = f"{len(look.containers) - len(left)} of {len(look.containers)} settled"
    return Group(Spinner("dots", text), containers_table(left[:_ROWS]))
