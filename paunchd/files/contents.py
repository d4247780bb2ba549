"""The config files of every declared name, as a pass decides from them.

Looks only where something says that it is worth it: an event, another directory, time. A file that cannot be read
is neither empty nor gone: its container is told about and left as it is.
"""

import asyncio
import fnmatch
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from paunchd.files.settle import Memory, Pace, content_of, disturbed, seen
from paunchd.files.tree import Bounds, Entry, Moving, Tree, Unreadable
from paunchd.reconcile.model import Content, Desired, History, scoped
from paunchd.settings import ConfigFilesSettings
from paunchd.spec import ConfigFiles, ContainerSpec, Kind

SCHEME = "f1"
GAP_SECONDS = 0.5
PATIENCE_SECONDS = 2.0
AGAIN_SECONDS = 10.0
LONG_SECONDS = 30.0
_SCOPE_DIGITS = 8

_UNREAD = "they have not been read yet"


@dataclass(frozen=True, slots=True)
class Target:
    """Which files count for one name."""

    sources: tuple[str, ...]
    which: ConfigFiles

    @property
    def scope(self) -> str:
        """What the same files are by the same rules."""
        told = repr((SCHEME, sorted(self.sources), self.which.patterns, self.which.exclude))
        return hashlib.sha256(told.encode()).hexdigest()[:_SCOPE_DIGITS]

    def counts(self) -> Callable[[str], bool]:
        """Say of a file, named from its source on, whether it counts."""
        included, excluded = _matcher(self.which.patterns), _matcher(self.which.exclude)
        return lambda name: not (included and not included(name)) and not (excluded and excluded(name))


class Contents:
    """Asked by one loop. *clock* is monotonic.

    ``watched``: the directories whose events count, and whether all below them does.
    """

    def __init__(self, settings: ConfigFilesSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._roots = tuple(str(root) for root in settings.roots)
        self._bounds = Bounds(settings.max_files, settings.max_file_bytes)
        self._pace = Pace(settings.quiet_seconds)
        self._clock = clock
        self._tree = Tree(self._bounds)
        self._desired: Desired | None = None
        self._targets: Mapping[str, Target] = {}
        self.watched = self._to_watch()
        self._memories: dict[str, Memory] = {}
        self._contents: dict[str, Content] = {}
        self._reading: asyncio.Future[dict[str, Content]] | None = None
        self._changed = True
        self._read_at = self._began_at = float("-inf")
        self._place = ""  # what the worker thread is at
        self._hangs = ""  # why the reading under way is not counted on any more

    def changed(self) -> None:
        """Something may be otherwise than it was read."""
        self._changed = True

    @property
    def due_at(self) -> float:
        """When to look again at the latest, if nothing is heard."""
        if not self._targets:
            return float("inf")
        if self._hangs:
            return self._read_at + AGAIN_SECONDS
        if self._changed or self._reading:
            return self._read_at + GAP_SECONDS
        moments = [content.until for content in self._contents.values() if content.until is not None]
        troubled = any(content.trouble for content in self._contents.values())
        return min([*moments, self._read_at + AGAIN_SECONDS if troubled else float("inf")])

    def _to_watch(self) -> Mapping[Path, bool]:
        apart = {source for target in self._targets.values() for source in target.sources if not self._below(source)}
        found = {Path(source).parent: False for source in sorted(apart)}
        return (
            found
            | {Path(source): True for target in self._targets.values() for source in target.which.paths}
            | {Path(root): True for root in self._roots}
        )

    async def look(self, desired: Desired, history: History) -> Mapping[str, Content]:
        """Return the content of each name of *desired* that reads any. Files that take long to read are not waited for;
        they are as they were known, or unknown. Where one place does not answer, nobody's can be told.
        """
        self._take(desired)
        now = self._clock()
        if self._reading:
            self._read_at = now
            await self._collect(self._reading, 0.0)
        elif now >= self.due_at:
            self._changed, self._read_at, self._began_at = False, now, now
            before = {name: past.read.files for name, past in history.names.items() if past.read}
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._read_all, dict(self._targets), before))
            await self._collect(self._reading, PATIENCE_SECONDS)
        if self._reading and not self._hangs and now >= self._began_at + LONG_SECONDS:
            # In the same words from now on: others would be another situation at each pass.
            self._hangs = f"they are still being read after {LONG_SECONDS:g} s, now {self._place}"
        found = {
            name: self._contents.get(name, Content(target.scope, trouble=_UNREAD))
            for name, target in self._targets.items()
        }
        if not self._hangs:
            return found
        return {name: replace(content, trouble=self._hangs, until=None) for name, content in found.items()}

    async def _collect(self, reading: asyncio.Future[dict[str, Content]], patience_seconds: float) -> None:
        done, _ = await asyncio.wait({reading}, timeout=patience_seconds)
        if done:
            self._reading, self._hangs = None, ""
            self._contents = reading.result()

    def _take(self, desired: Desired) -> None:
        if desired is self._desired:
            return
        targets = {
            name: Target(sources, item.spec.reads)
            for name, item in desired.items.items()
            if (sources := self._sources(item.spec))
        }
        self._desired, self._changed = desired, self._changed or targets != self._targets
        self._targets = targets
        self.watched = self._to_watch()

    def _sources(self, spec: ContainerSpec) -> tuple[str, ...]:
        return spec.read_below(self._roots) if spec.kind is Kind.CONTAINER else ()

    def _below(self, path: str) -> str:
        """The root that *path* is in, or nothing."""
        return next((root for root in self._roots if path == root or path.startswith(f"{root}/")), "")

    # --- in a worker thread -----------------------------------------------------------------------------------------

    def _read_all(self, targets: Mapping[str, Target], before: Mapping[str, Mapping[str, str]]) -> dict[str, Content]:
        listed: dict[str, list[Entry] | Unreadable | Moving] = {}
        for source in {source for target in targets.values() for source in target.sources}:
            self._place = source
            try:
                listed[source] = self._tree.entries(source)
            except (Unreadable, Moving) as problem:
                listed[source] = problem
        self._tree.forget_but({e.place for found in listed.values() if isinstance(found, list) for e in found})
        self._memories = {name: memory for name, memory in self._memories.items() if name in targets}
        return {name: self._read(name, target, listed, before.get(name, {})) for name, target in targets.items()}

    def _read(
        self,
        name: str,
        target: Target,
        listed: Mapping[str, list[Entry] | Unreadable | Moving],
        before: Mapping[str, str],
    ) -> Content:
        now, memory = self._clock(), self._memories.get(name)
        if memory and memory.scope != target.scope:
            memory = None
        last = Content(memory.scope, memory.digest, memory.files) if memory else Content(target.scope)
        try:
            entries = self._entries(target, listed)
            files = {shown: self._digest(entry) for shown, entry in entries.items()}
            self._doubt(target, files, memory.files if memory else before)
        except Moving:
            memory = self._memories[name] = disturbed(memory, target.scope, now)
            return content_of(memory, now, self._pace)
        except Unreadable as problem:
            return replace(last, trouble=str(problem))
        newest = max((entry.status.st_ctime for entry in entries.values()), default=0.0)
        changed_at = now - max(0.0, time.time() - newest)
        found = Content(target.scope, scoped(target.scope, _together(files)), files)
        memory = self._memories[name] = seen(memory, found, changed_at, now, self._pace)
        return content_of(memory, now, self._pace)

    def _digest(self, entry: Entry) -> str:
        self._place = entry.path
        return self._tree.digest(entry)

    def _entries(self, target: Target, listed: Mapping[str, list[Entry] | Unreadable | Moving]) -> dict[str, Entry]:
        """The files that count, each once, by the name that people are shown."""
        counts = target.counts()
        found: dict[str, Entry] = {}
        for source in sorted(target.sources):
            entries = listed[source]
            if not isinstance(entries, list):
                raise entries
            for entry in entries:
                within = entry.path[len(source) + 1 :] or entry.path.rpartition("/")[2]
                shown = self._shown(entry.path)
                if counts(within):
                    known = found.get(shown)
                    found[shown if known is None or known.path == entry.path else entry.path] = entry
            if len(found) > self._bounds.files:
                raise Unreadable(f"more than {self._bounds.files} files; exclude what is no configuration")
        return found

    def _shown(self, path: str) -> str:
        """Name *path* from its root on, in characters that can be written anywhere."""
        root = self._below(path)
        name = path[len(root) + 1 :] or path if root else path
        return name if name.isprintable() else ascii(name)[1:-1]

    def _doubt(self, target: Target, files: Mapping[str, str], before: Mapping[str, str]) -> None:
        """A directory that has lost every file is rather not mounted than meant to be so."""
        for source in target.sources:
            place = f"{self._shown(source)}/" if self._shown(source) not in self._roots else ""
            had, has = (any(name.startswith(place) for name in names) for names in (before, files))
            if had and not has and Path(source).is_dir():
                raise Unreadable(f"{source} holds no file any more; is it mounted?")


def _together(files: Mapping[str, str]) -> str:
    """One digest of all names and digests; sorted, so that the order they were found in does not count (T-090)."""
    told = "\n".join(f"{name}\0{digest}" for name, digest in sorted(files.items()))
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()


def _matcher(patterns: tuple[str, ...]) -> Callable[[str], object] | None:
    """Match the end of a path, or of a directory's that it is in."""
    if not patterns:
        return None
    # Each translation ends with the mark for the end of the text: `\Z`, and since Python 3.14 `\z`.
    each = "|".join(fnmatch.translate(pattern.strip("/"))[:-2] for pattern in patterns)
    return re.compile(rf"(?:.*/)?(?:{each})(?:/.*)?\Z", re.DOTALL).match
