"""Who declares which name: files and memory into items, conflicts and names nobody may touch.

Decides only, reads nothing. The rules: a broken file still claims what it declared when it was last understood; a
name claimed twice stays with the config that had it before, and where none had, nobody touches it (T-112).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from paunchd.formats import Parsed
from paunchd.reconcile.model import Fault, Item
from paunchd.source_files import File
from paunchd.source_layout import without_hashed
from paunchd.spec import ContainerSpec, config_hash


@dataclass(frozen=True, slots=True)
class Claims:
    """What the files say together. *conflicts* has one fault a file and doubly claimed name."""

    items: Mapping[str, Item]
    protected: Mapping[str, str]
    conflicts: tuple[Fault, ...]
    moved: Mapping[str, str] = field(default_factory=dict)

    def config_of(self, file: File) -> str:
        """The config of *file*; of one that cannot be read at all, the config it had."""
        return self.moved.get(file.parsed.origin.path, file.parsed.config_id)


def claimed(files: list[File], remembered: Mapping[str, Item]) -> Claims:
    moved = {file.parsed.origin.path: _former_config(file, remembered) for file in files if _unread(file)}
    claims: dict[str, list[Item]] = {}
    for file in files:
        for item in _items_of(file, remembered):
            claims.setdefault(item.name, []).append(item)
    items: dict[str, Item] = {}
    protected: dict[str, str] = {}
    conflicts: list[Fault] = []
    for name, found in claims.items():
        if len(found) == 1:
            items[name] = found[0]
            continue
        conflicts += _conflict(name, found)
        reason = f"declared in {' and in '.join(item.path for item in found)}"
        owner = remembered.get(name)
        if owner and owner.config_id in {item.config_id for item in found}:
            items[name] = replace(owner, kept_because=reason)
        else:
            protected[name] = reason
    return Claims(items, protected, tuple(conflicts), moved)


def _conflict(name: str, found: list[Item]) -> list[Fault]:
    faults = []
    for item in found:
        others = " and ".join(other.path for other in found if other is not item)
        faults.append(
            Fault(item.path, f"`{name}` is declared in {others} as well; take it out of all but one", key=name)
        )
    return faults


def _items_of(file: File, remembered: Mapping[str, Item]) -> list[Item]:
    parsed = file.parsed
    if parsed.faults:
        reason = f"its file is broken: {parsed.faults[0]}"
        path = parsed.origin.path
        return [replace(item, path=path, kept_because=reason) for item in _kept(file, remembered)]
    return [_item(name, spec, parsed, remembered.get(name)) for name, spec in parsed.definitions.items()]


def _item(name: str, spec: ContainerSpec, parsed: Parsed, before: Item | None) -> Item:
    """The very item as *before* where its file was not parsed again: its hash is known."""
    if before and before.spec is spec:
        return before
    return Item(name, parsed.config_id, parsed.step, spec, config_hash(spec), parsed.origin.path)


def _kept(file: File, remembered: Mapping[str, Item]) -> list[Item]:
    """What the broken *file* declared before: by its path, its twin's, or names still readable."""
    origin = file.parsed.origin
    readable = file.parsed.names | {origin.name}
    return [
        item
        for item in remembered.values()
        if _same_file(item.path, origin.path) or (item.name in readable and item.config_id == file.parsed.config_id)
    ]


def _same_file(remembered: str, path: str) -> bool:
    """Whether both are one file, its twin, or a file in a directory that cannot be listed."""
    return without_hashed(remembered) == without_hashed(path) or remembered.startswith(f"{path}/")


def _unread(file: File) -> bool:
    return bool(file.parsed.faults) and not file.parsed.names


def _former_config(file: File, remembered: Mapping[str, Item]) -> str:
    kept = _kept(file, remembered)
    return kept[0].config_id if kept else file.parsed.config_id
