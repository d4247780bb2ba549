"""Label keys and the ownership test.

Pure. ``managed_by``, ``config_id`` and ``container_name`` are paunch's, so that operators' filters keep working;
the rest is ours. A label never holds a definition or an environment value: labels are readable by everyone who can
inspect a container.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MANAGED_BY = "managed_by"
CONFIG_ID = "config_id"
CONTAINER_NAME = "container_name"
HASH = "io.paunchd.hash"
KIND = "io.paunchd.kind"
RESTART = "io.paunchd.restart"
FILES = "io.paunchd.files"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an owned container says of itself in its labels.

    *hash* is empty where the label is missing: such a container is at no revision. *restart* is the declared restart
    policy in its text form (``always``, ``on-failure:3``, ``no``). *files*: the digest of the config files it was made
    to read; empty where it reads none.
    """

    name: str
    config_id: str
    hash: str
    kind: str
    restart: str
    files: str = ""


def labels_of(identity: Identity, owner: str) -> dict[str, str]:
    labels = {
        MANAGED_BY: owner,
        CONFIG_ID: identity.config_id,
        CONTAINER_NAME: identity.name,
        HASH: identity.hash,
        KIND: identity.kind,
        RESTART: identity.restart,
    }
    return labels | ({FILES: identity.files} if identity.files else {})


def name_in(labels: Mapping[str, str], owner: str) -> str:
    """Read the name in *labels*; empty for whatever is not *owner*'s."""
    who = identity_of(labels, owner)
    return who.name if who else ""


def identity_of(labels: Mapping[str, str] | None, owner: str) -> Identity | None:
    """Read *labels*; ``None`` for whatever is not *owner*'s, whatever its name (T-015, T-113)."""
    labels = labels or {}
    name = labels.get(CONTAINER_NAME)
    if labels.get(MANAGED_BY) != owner or not name:
        return None
    return Identity(
        name=name,
        config_id=labels.get(CONFIG_ID, ""),
        hash=labels.get(HASH, ""),
        kind=labels.get(KIND, ""),
        restart=labels.get(RESTART, "no"),
        files=labels.get(FILES, ""),
    )
