"""Has a container read its config files again where they changed and it is not replaced for that (T-091, T-092).

Pure. What a container has read is remembered after it was told, so a crash in between tells it once more. It reads them
by itself whenever it starts.
"""

from paunchd.reconcile.contents import last_read
from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import (
    Container,
    ContainerState,
    RecordRead,
    Reload,
    Start,
    Step,
    Stop,
    Tell,
    files_of,
)
from paunchd.spec import Command, Signal


def rereading(drift: Drift, live: Container) -> tuple[Step, ...]:
    """The steps that have *live*, at the effective revision, read what its config files hold now; none where it has."""
    content = drift.content
    if content is None or live.state is not ContainerState.RUNNING or not _has_read_others(drift, live):
        return ()
    record = RecordRead(live.engine_name, drift.name, content.digest, content.files)
    match drift.item.spec.reads.on_change:
        case Signal(name):
            return (Tell(live.engine_name, name), record)
        case Command(words):
            return (Reload(live.engine_name, drift.item.spec, words), record)
    if not to_start_again(drift, live):
        return ()
    return (Stop(live.engine_name, live.details.grace_seconds), Start(live.engine_name))


def to_start_again(drift: Drift, live: Container) -> bool:
    """*live*, at the effective revision, has read other files than are there now, and is to read them by a start."""
    on_change = drift.item.spec.reads.on_change
    # Where a change replaces it, it came back while other files were there, which are gone again.
    returned = on_change == "replace" and drift.content and files_of(drift.effective.hash) == drift.content.digest
    return (on_change == "restart" or bool(returned)) and _has_read_others(drift, live)


def _has_read_others(drift: Drift, live: Container) -> bool:
    content = drift.content
    return content is not None and content.settled and last_read(live, content, drift.past) != content.digest


def recorded(drift: Drift, started: Container | None) -> tuple[Step, ...]:
    """*started* has just been started, and so reads what is there: remember it where that is not what it has read."""
    content = drift.content
    if started is None or content is None or not content.digest or content.trouble:
        return ()
    unasked = not started.files and drift.item.spec.reads.on_change == "replace"
    if unasked or last_read(started, content, drift.past) == content.digest:
        return ()
    return (RecordRead(started.engine_name, drift.name, content.digest, content.files),)
