"""Tells content that is there from content that is still being made.

Pure. Whoever writes many files, as puppet does for seconds, is waited for, and what never comes to rest is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from paunchd.reconcile.model import Content, changed_files

RECENT_SECONDS = 600.0
FREE_CHANGES = 5
LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """*quiet_seconds*: so long nothing must have changed. After several changes within ten minutes it is longer, twice
    each time, so that a container that changes its own files is not replaced for ever.
    """

    quiet_seconds: float

    def after(self, changes: int) -> float:
        patience: float = self.quiet_seconds * 2.0 ** max(0, changes - FREE_CHANGES)
        return min(patience, max(self.quiet_seconds, RECENT_SECONDS))


@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen of the files of one name. *resting* is the content that last came to rest, *rests* when it did."""

    scope: str
    digest: str
    files: Mapping[str, str] = field(default_factory=dict)
    changed_at: float = 0.0
    resting: str = ""
    restless_since: float | None = None
    rests: tuple[float, ...] = ()
    before: Mapping[str, str] = field(default_factory=dict)


def seen(memory: Memory | None, found: Content, changed_at: float, now: float, pace: Pace) -> Memory:
    """Return the memory after *found* was read. *changed_at*: when its newest file changed, as far as one can tell."""
    if memory is None or memory.scope != found.scope:
        memory = Memory(found.scope, found.digest, found.files, changed_at, restless_since=changed_at)
    elif memory.digest != found.digest:
        since = now if memory.restless_since is None else memory.restless_since
        memory = replace(memory, digest=found.digest, files=found.files, changed_at=now, restless_since=since)
    rests = tuple(at for at in memory.rests if now - at < RECENT_SECONDS)
    if now < memory.changed_at + pace.after(len(rests)):
        return replace(memory, rests=rests)
    new = memory.resting and memory.resting != memory.digest
    rests = (*rests, now) if new else rests
    return replace(memory, resting=memory.digest, restless_since=None, rests=rests, before=memory.files)


def disturbed(memory: Memory | None, scope: str, now: float) -> Memory:
    """Return the memory after something changed while it was read."""
    if memory is None:
        return Memory(scope, "", changed_at=now, restless_since=now)
    since = now if memory.restless_since is None else memory.restless_since
    return replace(memory, changed_at=now, restless_since=since)


def content_of(memory: Memory, now: float, pace: Pace) -> Content:
    """What is to be decided from."""
    content = Content(memory.scope, memory.digest, memory.files)
    if memory.restless_since is None:
        return content
    until = memory.changed_at + pace.after(len(memory.rests))
    if now - memory.restless_since <= max(LONGEST_SECONDS, 10 * pace.quiet_seconds):
        return replace(content, until=until)
    names = changed_files(memory.before, memory.files)
    return replace(content, trouble=f"they keep changing ({names}); exclude what is no configuration")
