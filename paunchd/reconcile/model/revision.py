"""Revisions and their names: the hash of a spec; behind a ``+`` the config files it was made to read, where it reads
any; behind a ``~`` the image, where images are told apart.
"""

import re
from dataclasses import dataclass

from paunchd.spec import ContainerSpec

_FILES = "+"
_PIN = "~"
_DIGEST = "sha256:"
_SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Revision:
    """One spec of a name. *spec* is ``None`` when only its hash is known (the store was lost).

    *image*: the id to make it from, where the spec's image name does not mean that one; else empty.
    """

    hash: str
    spec: ContainerSpec | None = None
    image: str = ""

    @property
    def recipe(self) -> ContainerSpec | None:
        """What a container at this revision is made from; the spec itself stays as it was declared."""
        if self.spec is None or not self.image:
            return self.spec
        return self.spec.model_copy(update={"image": self.image})


def pinned(revision: str, image_id: str) -> str:
    """Return *revision* of the very image *image_id*; without one, and for no revision at all, it is left as it is."""
    return f"{unpinned(revision)}{_PIN}{image_id.removeprefix(_DIGEST)}" if revision and image_id else revision


def unpinned(revision: str) -> str:
    """*revision* whatever its image."""
    return revision.partition(_PIN)[0]


def image_of(revision: str) -> str:
    """The id of the image *revision* is of; empty where images are not told apart."""
    digits = revision.partition(_PIN)[2]
    return f"{_DIGEST}{digits}" if digits else ""


def reading(revision: str, files: str) -> str:
    """Return *revision* with config files of the digest *files* instead of what it had; none where that is empty."""
    rest, pin, image = revision.partition(_PIN)
    hash_ = rest.partition(_FILES)[0]
    return f"{hash_}{_FILES}{files}{pin}{image}" if hash_ and files else f"{hash_}{pin}{image}"


def files_of(revision: str) -> str:
    """The digest of the config files *revision* is of; empty where they are no part of it."""
    return unpinned(revision).partition(_FILES)[2]


def bare(revision: str) -> str:
    """The hash of the spec alone, which is what labels hold."""
    return unpinned(revision).partition(_FILES)[0]


def short(revision: str) -> str:
    """The first twelve digits of a hash, behind its scheme, of the files and of the image: enough for people."""
    return re.sub(rf"([0-9a-z]{{{_SHOWN_DIGITS}}})[0-9a-z]+", r"\1", revision)
