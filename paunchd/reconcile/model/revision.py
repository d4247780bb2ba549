"""Revisions and their names: the hash of a spec, and behind a ``~`` the image, where images are told apart."""

from dataclasses import dataclass

from paunchd.spec import ContainerSpec

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
    return f"{bare(revision)}{_PIN}{image_id.removeprefix(_DIGEST)}" if revision and image_id else revision


def bare(revision: str) -> str:
    """The hash of the spec alone, which is what labels hold."""
    return revision.partition(_PIN)[0]


def image_of(revision: str) -> str:
    """The id of the image *revision* is of; empty where images are not told apart."""
    digits = revision.partition(_PIN)[2]
    return f"{_DIGEST}{digits}" if digits else ""


def short(revision: str) -> str:
    """The first twelve digits of a hash, behind its scheme, and of the image: enough for people."""
    scheme, colon, rest = revision.partition(":")
    digits, pin, image = rest.partition(_PIN)
    return f"{scheme}{colon}{digits[:_SHOWN_DIGITS]}{pin}{image[:_SHOWN_DIGITS]}"
