"""What the directory declares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from paunchd.spec import ContainerSpec


@dataclass(frozen=True, slots=True)
class Item:
    """One declared name, ready to be compared.

    *kept_because* is empty for a definition just read; else it says why an older understanding of it is used (its
    file is broken now, another file claims the name, the directory cannot be read). *image*: as a revision's.
    """

    name: str
    config_id: str
    step: int | None
    spec: ContainerSpec
    hash: str
    path: str = ""
    kept_because: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file is broken. *line* and *column* count from 1; 0 where the reason has no place in the text."""

    path: str
    reason: str
    line: int = 0
    column: int = 0
    key: str = ""

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        key = f" at {self.key}" if self.key else ""
        return f"{self.path}{place}{key}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Config:
    """What is known of one config_id. *digest* is sha256 (hex) of its file's bytes, of the sorted digests for many."""

    config_id: str
    digest: str
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Desired:
    """One snapshot of the directory.

    *generation* grows when the content changes. *protected* maps a name that must not be touched to the reason (two
    files claim it and neither did before). *degraded* is empty, or why the directory cannot be read: then the items
    are those last understood, and nothing is removed.
    """

    generation: int
    items: Mapping[str, Item]
    configs: Mapping[str, Config] = field(default_factory=dict)
    protected: Mapping[str, str] = field(default_factory=dict)
    degraded: str = ""

    @property
    def broken_configs(self) -> frozenset[str]:
        return frozenset(config.config_id for config in self.configs.values() if config.faults)
