"""Answers that go on: logs and events, as they come, until there are no more or a person has seen enough."""

import http.client
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from paunchd.client import Client, NoAnswerError

AGAIN_SECONDS = 1.0
_PIECE = 64 * 1024
_COLOURS = re.compile(r"(\x1b\[[0-9;]*m)")


def log_pieces(client: Client, name: str, query: Mapping[str, object], *, endless: bool) -> Iterator[bytes]:
    """Yield what *name* has printed. Raises ``NoAnswerError`` and ``RefusedError``."""
    with client.stream("containers", name, "logs", query=query, endless=endless) as answer:
        while piece := answer.read1(_PIECE):
            yield piece


def tame(text: str) -> str:
    """Leave of *text* what a terminal shows: colours stay, whatever else would steer it does not."""
    return "".join(part if place % 2 else _shown(part) for place, part in enumerate(_COLOURS.split(text)))


def events(client: Client, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield each event with its id, for ever; after a cut, such as a restart of the daemon, from where it was.

    Raises ``NoAnswerError`` only where the daemon does not answer at first.
    """
    last = ""
    while True:
        try:
            for event in _stream(client, list(names), last):
                last = event["id"]
                yield event
        except NoAnswerError:
            if not last:
                raise
        time.sleep(AGAIN_SECONDS)


def _stream(client: Client, names: list[str], last: str) -> Iterator[dict[str, Any]]:
    headers = {"Last-Event-ID": last} if last else {}
    with client.stream("events", query={"name": names}, headers=headers, endless=True) as answer:
        yield from _frames(answer)


def _frames(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    event_id = ""
    for line in answer:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "id":
            event_id = value
        elif field == "data":
            yield {"id": event_id, **json.loads(value)}


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
