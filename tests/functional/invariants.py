"""What must hold whatever goes wrong, asked of a story of containers and of a daemon's answers. Waits for nothing."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.functional.engine_side import Happening
from tests.functional.node import Node

ANSWERS = ("/", "/v1/containers", "/v1/plan", "/v1/configs", "/v1/status", "/metrics")

Accepted = tuple[int, str]


@dataclass(frozen=True)
class Life:
    """From when to when there was a container, in the engine's nanoseconds, and at which revision."""

    id: str
    revision: str
    made: float
    gone: float = math.inf


def lives(story: Iterable[Happening]) -> list[Life]:
    """The containers that *story*, in its order, tells of."""
    found: dict[str, Life] = {}
    for one in story:
        life = found.setdefault(one.id, Life(one.id, one.labels.get("io.paunchd.hash", ""), one.at))
        if one.action == "destroy":
            found[one.id] = Life(life.id, life.revision, life.made, one.at)
    return list(found.values())


def acceptances(lines: Iterable[Mapping[str, Any]]) -> dict[str, list[Accepted]]:
    """Of each name, when which revision was recorded as good, by *lines* of the daemon's log."""
    found: dict[str, list[Accepted]] = {}
    for line in lines:
        if line.get("event") == "revision_accepted":
            moment = int(datetime.fromisoformat(line["at"]).timestamp() * 1e9)
            found.setdefault(line["name"], []).append((moment, line["revision"]))
    return found


def lost(story: Iterable[Happening], accepted: Sequence[Accepted]) -> list[Life]:
    """I1: the containers of one name that were removed although theirs was the good revision, and no other was at it.

    *accepted*, in its order, says which revision was the good one, and from when on.
    """
    told = lives(story)
    until = [*(moment for moment, _ in accepted[1:]), math.inf]
    missed = []
    for (since, good), end in zip(accepted, until, strict=True):
        there = [one for one in told if one.revision == good]
        gone = [one for one in there if since < one.gone < end]
        missed += [one for one in gone if not any(other.made < one.gone < other.gone for other in there)]
    return missed


def places_that_tell(node: Node, secret: str, log: str) -> list[str]:
    """I5: where *secret* can be read: in *log*, in an answer, or in a label."""
    names = [row["name"] for row in node.get("/v1/containers")["containers"]]
    told = (f"{place}/containers/{name}" for place in ("", "/v1") for name in names)
    answers = [*ANSWERS, *told, *(f"/v1/containers/{name}/history" for name in names)]
    places = {answer: json.dumps(node.get(answer)) for answer in answers}
    places["the log"] = log
    places |= {f"a label of {name}": json.dumps(row["Labels"]) for name, row in node.ps().items()}
    return [place for place, text in places.items() if secret in text]
