"""Makes changed config files another revision (T-081 to T-090).

Pure. As with moved images, it is applied between looking and deciding: where a change replaces the container, every
hash of the name is that of the spec and the files together, so the table, verdicts, groups and rollback know nothing of
files. Where it does less, no hash knows of them (see ``reread``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from paunchd.reconcile.model import (
    Container,
    Content,
    Facts,
    Item,
    Past,
    Read,
    Revision,
    Seen,
    bare,
    changed_files,
    files_of,
    reading,
)
from paunchd.spec import Kind


def told_apart(facts: Facts) -> Facts:
    """Return *facts* with the config files in the revisions of the names whose change of files replaces them."""
    items, looks, pasts = dict(facts.desired.items), dict(facts.observed.names), dict(facts.history.names)
    for name, item in facts.desired.items.items():
        past, content = facts.history.of(name), facts.contents.get(name)
        if content is None or not _replaces(item):
            if past.good and files_of(past.good.hash):
                pasts[name] = replace(past, good=_at(past.good, ""))
            continue
        view = _View(content, past, facts.observed.of(name))
        items[name] = view.item(item)
        if name in looks:
            looks[name] = view.look()
        if past.good:
            pasts[name] = replace(past, good=_at(past.good, view.of_good(past.good)))
    return replace(
        facts,
        desired=replace(facts.desired, items=items),
        observed=replace(facts.observed, names=looks),
        history=replace(facts.history, names=pasts),
    )


def _replaces(item: Item) -> bool:
    """Only containers: what runs once is done, whatever its files hold later."""
    return item.spec.kind is Kind.CONTAINER and item.spec.reads.on_change == "replace"


def _at(good: Revision, files: str) -> Revision:
    return replace(good, hash=reading(good.hash, files))


@dataclass(frozen=True, slots=True)
class _View:
    """One name, seen with its files."""

    content: Content
    past: Past
    seen: Seen

    def item(self, item: Item) -> Item:
        """While the files are being written, or cannot be told, what is there is as it should be."""
        there = (self.of(c) for c in (self.seen.live, self.seen.next, self.seen.prev) if c)
        known = self.content.digest if self.content.settled else next((one for one in there if one), "")
        return replace(item, hash=reading(item.hash, known or self.content.digest))

    def look(self) -> Seen:
        def at(container: Container | None) -> Container | None:
            return container and replace(container, hash=reading(container.hash, self.of(container)))

        seen = self.seen
        strays = tuple(replace(c, hash=reading(c.hash, self.of(c))) for c in seen.strays)
        return replace(seen, live=at(seen.live), next=at(seen.next), prev=at(seen.prev), strays=strays)

    def of(self, container: Container) -> str:
        """The files *container* is of. One from before it was asked is as it was first seen, and the good one as it is
        remembered.
        """
        good = self.past.good
        of_good = files_of(good.hash) if good and bare(good.hash) == bare(container.hash) else ""
        candidates = (container.files, _read_by(container, self.past), of_good)
        return self._first(candidates) or self.content.digest

    def of_good(self, good: Revision) -> str:
        there = (
            self.of(c) for c in (self.seen.prev, self.seen.live, self.seen.next) if c and c.hash == bare(good.hash)
        )
        return self._first((files_of(good.hash),)) or next(there, self.content.digest)

    def _first(self, digests: Iterable[str]) -> str:
        return next((digest for digest in digests if self.content.covers(digest)), "")


def _read_by(container: Container, past: Past) -> str:
    return past.read.digest if past.read and past.read.container_id == container.id else ""


def newly_read(facts: Facts) -> Mapping[str, Read]:
    """What is to be remembered of what containers have read: of each new one, and of each from before it was asked."""
    found = {}
    for name, content in facts.contents.items():
        live, past = facts.observed.of(name).live, facts.history.of(name)
        if live is None or not content.settled or name in facts.in_flight:
            continue
        remembered = content.covers(_read_by(live, past))
        made_for = live.files if content.covers(live.files) else content.digest
        if not remembered and made_for == content.digest:
            found[name] = Read(live.id, content.digest, content.files)
    return found


def last_read(container: Container, content: Content, past: Past) -> str:
    """The digest of what *container* has read; where nobody knows, it is taken to have read what is there."""
    digests = (_read_by(container, past), container.files)
    return next((digest for digest in digests if content.covers(digest)), content.digest)


def changed_between(good: Revision, new: Revision, content: Content | None, read: Read | None) -> str:
    """Say which config files make *new* another revision, for people."""
    before, after = files_of(good.hash), files_of(new.hash)
    if not before or not after or before == after:
        return ""
    known = read and content and (read.digest, content.digest) == (before, after)
    names = changed_files(read.files, content.files) if known and read and content else ""
    return f"files: {names}" if names else "files"
