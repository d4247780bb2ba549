"""A test's own view of the engine, past the daemon: what is there, what has happened, and a person's hands."""

import http.client
import json
import operator
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any

LIFE = ("create", "start", "die", "stop", "kill", "rename", "destroy", "pause", "unpause", "update", "oom")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_seconds: float | None = 60) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, method: str, target: str, body: Any = None) -> tuple[int, str]:
    """Make one request over the socket at *path*; OSError where nobody answers."""
    connection = UnixConnection(path)
    try:
        data = json.dumps(body).encode() if body is not None else b""
        connection.request(method, target, body=data, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(f"{method} {target}: {error!r}") from error
    finally:
        connection.close()


@dataclass(frozen=True)
class Happening:
    """One event of one container, in the engine's order."""

    at: int
    action: str
    id: str
    engine_name: str
    labels: dict[str, str]

    @property
    def name(self) -> str:
        return self.labels.get("container_name", "")


class EngineSide:
    """The engine at *socket_path*, as ``docker`` on a command line would use it."""

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path

    def call(self, method: str, target: str, body: Any = None) -> Any:
        status, text = ask(self.socket_path, method, target, body)
        assert status < http.client.BAD_REQUEST, f"{method} {target}: {status} {text}"
        return json.loads(text) if text.strip().startswith(("{", "[")) else text

    def containers(self, **labels: str) -> list[dict[str, Any]]:
        wanted = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        rows: list[dict[str, Any]] = self.call("GET", f"/containers/json?all=1&filters={urllib.parse.quote(wanted)}")
        return rows

    def inspect(self, ref: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/containers/{ref}/json")
        return found

    def exists(self, ref: str) -> bool:
        return ask(self.socket_path, "GET", f"/containers/{ref}/json")[0] == http.client.OK

    def image_exists(self, name: str) -> bool:
        return ask(self.socket_path, "GET", f"/images/{name}/json")[0] == http.client.OK

    def follow(self) -> "Story":
        return Story(self.socket_path)


class Story:
    """Everything that happens to containers from now on, for as long as the block lasts."""

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._told: list[Happening] = []
        self._lock = threading.Lock()
        self._listen("")

    def close(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._connection.close()

    def go_on(self) -> None:
        """The engine has been restarted: all it has told since then belongs to the story as well."""
        self.close()
        self._listen("&since=1")

    def _listen(self, since: str) -> None:
        filters = urllib.parse.quote(json.dumps({"type": ["container"], "event": list(LIFE)}))
        self._connection = UnixConnection(self._path, None)
        self._connection.request("GET", f"/events?filters={filters}{since}")
        self._answer = self._connection.getresponse()
        self._sock = self._connection.sock
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def told(self, name: str | None = None) -> list[Happening]:
        """What has happened so far, of *name* (as declared) or of everyone."""
        with self._lock:
            told = sorted(self._told, key=lambda one: one.at)
        return [one for one in told if name is None or one.name == name]

    def _read(self) -> None:
        with suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in self._lines():
                event = json.loads(line)
                attributes = dict(event["Actor"]["Attributes"])
                name = attributes.pop("name", "")
                with self._lock:
                    self._told.append(
                        Happening(event["timeNano"], event["Action"], event["Actor"]["ID"], name, attributes)
                    )

    def _lines(self) -> Iterator[bytes]:
        while line := self._answer.readline():
            if line.strip():
                yield line


def most_running_at_once(story: list[Happening]) -> dict[str, int]:
    """Replay *story*: of each name, how many of its containers ran at the same moment."""
    return {name: max(counts) for name, counts in _running_after_each(story).items()}


def fewest_running_at_once(story: list[Happening]) -> dict[str, int]:
    """Replay *story*: of each name, how few of its containers ran at the same moment once the first had started."""
    counts = _running_after_each(story)
    return {name: min(dropwhile(operator.not_, counted), default=0) for name, counted in counts.items()}


def _running_after_each(story: list[Happening]) -> dict[str, list[int]]:
    running: dict[str, set[str]] = {}
    counts: dict[str, list[int]] = {}
    for one in story:
        alive = running.setdefault(one.name, set())
        if one.action == "start":
            alive.add(one.id)
        elif one.action in ("die", "destroy"):
            alive.discard(one.id)
        counts.setdefault(one.name, []).append(len(alive))
    return counts
