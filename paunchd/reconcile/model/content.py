"""What the config files hold that a name's container reads, and what of it that container has read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_SCOPE = "."
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Content:
    """The config files of one name, as they are now.

    *scope* says which files count, and by which rules: digests of two scopes say nothing about each other. *digest* is
    of all together, scope and all; empty where nobody knows. *files* maps each file, named from its root on, to its
    own digest. *trouble*: why they cannot be told, or believed; the rest is then as last known. *until*: they are being
    written, and looked at again then.
    """

    scope: str
    digest: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    until: float | None = None

    @property
    def settled(self) -> bool:
        return bool(self.digest) and not self.trouble and self.until is None

    def covers(self, digest: str) -> bool:
        """Whether *digest*, a container's or a revision's, is one of the same files by the same rules."""
        return scope_of(digest) == self.scope


@dataclass(frozen=True, slots=True)
class Read:
    """What the container counts as having read: what was there when it was made or first seen, or when it was last
    started or told to read it again.
    """

    container_id: str
    digest: str
    files: Mapping[str, str] = field(default_factory=dict)


def scope_of(digest: str) -> str:
    return digest.partition(_SCOPE)[0]


def scoped(scope: str, digest: str) -> str:
    return f"{scope}{_SCOPE}{digest}"


def changed_files(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Name the files that differ, for people, the first few of them."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
