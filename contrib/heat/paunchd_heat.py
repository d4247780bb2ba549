"""What Heat's hook and its prune script share: whose a deployment and a file are, and the daemon.

Runs where the agents run, without the package paunchd: Python 3.10 and PyYAML are all there is.
"""

import hashlib
import http.client
import json
import os
import re
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

MARK = "x-heat"
Answer = dict[str, Any]
Entry = Mapping[str, Any]
Query = Mapping[str, object]

_LIST = "/var/run/heat-config/heat-config"
_HOOKS = ("/usr/libexec/heat-config/hooks", "/var/lib/heat-config/hooks")
_HOOK = Path(__file__).resolve().with_name("hook-paunchd")
_GROUP = "paunchd"
_DEFAULT_SETTINGS = "/etc/paunchd/paunchd.yaml"
_DEFAULT_DIRECTORY = "/var/lib/paunchd/desired"
_DEFAULT_SOCKET = "/run/paunchd/api.sock"
_STRANGE = re.compile(r"[^A-Za-z0-9_.]+")
_PATIENCE_SECONDS = 30.0  # a daemon that is being restarted or upgraded is nobody's failure
_ASK_SECONDS = 60.0
_ANSWER_SECONDS = 10.0
_PAUSE_SECONDS = 0.5


class RefusedError(Exception):
    """Raised where something cannot be done as it stands; the text says what, and why."""


class NoAnswerError(Exception):
    """Raised where no daemon answers now; the text says why, and what to try."""


@dataclass(frozen=True)
class Deployment:
    """What stays the same while Heat updates a deployment, unlike the id of its config: its stack and its resource."""

    stack: str
    resource: str

    @classmethod
    def of(cls, entry: Entry) -> "Deployment":
        """Tell whose *entry* is; without Heat's own inputs its name has to do. Raises ``RefusedError``."""
        inputs = inputs_of(entry)
        stack, resource = (str(inputs.get(name) or "") for name in ("deploy_stack_id", "deploy_resource_name"))
        if stack and resource:
            return cls(stack, resource)
        if entry.get("name"):
            return cls("", str(entry["name"]))
        raise RefusedError("cannot name the config: no inputs deploy_stack_id and deploy_resource_name, and no name")

    @property
    def config_id(self) -> str:
        """A word that begins with the names, for people, and ends with what tells it from all others."""
        digest = hashlib.sha256(f"{self.stack}\n{self.resource}".encode()).hexdigest()
        names = [_STRANGE.sub("_", name)[:40] for name in (self.stack.partition("/")[0], self.resource) if name]
        return "-".join(["heat", *names, digest[:8]])

    def file(self, directory: Path) -> Path:
        return directory / f"{self.config_id}.json"


def inputs_of(entry: Entry) -> Answer:
    """Return the values by name. Raises ``RefusedError`` where they do not come as Heat hands them over."""
    inputs = entry.get("inputs") or []
    if not isinstance(inputs, list) or not all(isinstance(one, dict) and "name" in one for one in inputs):
        raise RefusedError("cannot use `inputs`: a list of mappings is expected, each with `name` and `value`")
    return {str(one["name"]): one.get("value") for one in inputs}


def marked(document: Mapping[str, Any], deployment: Deployment, entry: Entry) -> Answer:
    """Return *document* with what makes its file known as Heat's, whatever it says of that itself.

    The time is new each time, so that the daemon tells one time from another, and a file from its like elsewhere.
    """
    written = datetime.now(timezone.utc).isoformat()
    return {**document, MARK: {**asdict(deployment), "config": str(entry.get("id", "")), "written": written}}


def is_asked_about(program: str | None) -> bool:
    """Say what *program* is, its docstring, where it is called with any argument, which the agents never do."""
    if sys.argv[1:]:
        sys.stdout.write(f"{program}")
    return bool(sys.argv[1:])


def deployment_in(path: Path) -> Deployment | None:
    """Tell whose file this is by what is in it; ``None``: not Heat's, whatever its name."""
    try:
        mark = json.loads(path.read_bytes())[MARK]
        return Deployment(mark["stack"], mark["resource"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def read_list() -> list[Entry]:
    """Return the deployments of this node. Raises ``RefusedError`` where they are not known."""
    path = Path(os.environ.get("HEAT_SHELL_CONFIG", _LIST))
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise RefusedError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise RefusedError(f"cannot read {path}: it is no JSON") from None
    if not isinstance(found, list):
        raise RefusedError(f"cannot read {path}: a list is expected")
    return [entry for entry in found if isinstance(entry, dict)]


def named(entry: Entry) -> Deployment | None:
    try:
        return Deployment.of(entry)
    except (RefusedError, KeyError, TypeError):
        return None


def is_ours(entry: Entry) -> bool:
    """Whether 55-heat-config calls our hook for *entry*. An entry that does not say may be ours, and is kept."""
    return any(_leads_to_our_hook(group) for group in _groups_of(entry))


def _groups_of(entry: Entry) -> list[str | None]:
    """Return whose hook is called: of a component, by its action; where none is for that, it is left as it is."""
    if entry.get("group") != "component":
        return [entry.get("group")]
    action = inputs_of(entry).get("deploy_action")
    configs = (entry.get("config") or {}).get("configs") or []
    called = [one["tool"] for one in configs if action in one["actions"]]
    return called[:1] or [one["tool"] for one in configs]


def _leads_to_our_hook(group: str | None) -> bool:
    if group is None or group == _GROUP:
        return True
    places = (os.environ.get("HEAT_CONFIG_HOOKS"), *_HOOKS)
    hooks = [Path(place, group) for place in places if place]
    return next((hook.resolve() for hook in hooks if hook.exists()), None) == _HOOK


def is_replaced(deployment: Deployment) -> bool:
    """Whether Heat deploys *deployment* by another entry, whatever becomes of this one.

    A deployment that has failed is replaced: Heat makes a new one, of the same stack and resource, and then deletes the
    old one. A list that is not known, or makes no sense, says nothing of another one.
    """
    try:
        others = [entry for entry in read_list() if named(entry) == deployment]
        return any(inputs_of(entry).get("deploy_action") != "DELETE" and is_ours(entry) for entry in others)
    except (RefusedError, KeyError, TypeError, AttributeError):
        return False


@dataclass(frozen=True)
class Settings:
    """Those settings of the daemon that count here."""

    desired_dir: Path
    socket: Path


def read_settings() -> Settings:
    """Find directory and socket as the client does. Raises ``RefusedError``.

    A key that is not known here is left to the daemon, which may be newer than the agents' image.
    """
    named = os.environ.get("PAUNCHD_CONFIG")
    path = Path(named or _DEFAULT_SETTINGS)
    try:
        content = yaml.safe_load(path.read_bytes()) or {}
        directory, api = content.get("desired_dir"), content.get("api") or {}
        named_socket = api.get("socket")
    except FileNotFoundError:
        if named:
            raise RefusedError(f"cannot read settings {path}: there is no such file") from None
        directory = named_socket = None
    except OSError as error:
        raise RefusedError(f"cannot read settings {path}: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError):
        raise RefusedError(f"cannot read settings {path}: they are no mapping in YAML") from None
    return Settings(
        desired_dir=Path(os.environ.get("PAUNCHD_DESIRED_DIR") or directory or _DEFAULT_DIRECTORY),
        socket=Path(os.environ.get("PAUNCHD_SOCKET") or named_socket or _DEFAULT_SOCKET),
    )


def is_read(view: Answer | None, digest: str) -> bool:
    """Whether the daemon has looked at the content of *digest*, and is not at another one, or none at all.

    A file that is there and cannot be read has no digest; what is wrong with it stands in its view.
    """
    found, broken = (view["digest"], view["broken"]) if view else ("", None)
    return found == digest or bool(broken and not found)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Daemon:
    """The daemon that listens at *socket*."""

    socket: Path

    def ask(self, method: str, *parts: str, query: Query | None = None, seconds: float = 0.0) -> bytes | None:
        """Ask for ``/v1/PART/…``; ``None`` where there is no such thing. The daemon may take *seconds* over it.

        Raises ``NoAnswerError`` where nobody can answer now, ``RefusedError`` where nobody ever will.
        """
        address = "/v1/" + "/".join(quote(part, safe="") for part in parts)
        connection = _Connection(self.socket, seconds + _ANSWER_SECONDS)
        try:
            connection.request(method, f"{address}?{urlencode(query)}" if query else address)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(str(error) or type(error).__name__) from None
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            return None
        if answer.status >= http.client.INTERNAL_SERVER_ERROR:
            raise self._no_answer(f"{answer.status} {answer.reason}")
        if answer.status >= http.client.BAD_REQUEST:
            raise RefusedError(f"cannot ask the daemon at {self.socket}: {answer.status} {answer.reason}")
        return body

    def text(self, *parts: str, query: Query | None = None) -> str:
        """Read what is good to know and no more: nothing where it cannot be had."""
        try:
            return (self.ask("GET", *parts, query=query) or b"").decode(errors="replace")
        except (NoAnswerError, RefusedError):
            return ""

    def view(self, *parts: str) -> Answer:
        """As ``text``, for what is JSON."""
        return dict(json.loads(self.text(*parts) or "{}"))

    def retry(self, name: str) -> None:
        """Have what failed tried again; nothing where that is not possible."""
        with suppress(NoAnswerError, RefusedError):
            self.ask("POST", "containers", name, "retry")

    def wait(self, config_id: str, digest: str, timeout_seconds: float) -> Answer | None:
        """Return the config once *digest* has settled or failed, else as it is in the end; ``None``: not known by then.

        Where a minute passes in which the daemon does not read that content, this is the end: it looks far more often.
        An empty *digest* stands for its absence, which is told as settled and never as ``None``. Raises
        ``NoAnswerError`` after half a minute without an answer, and ``RefusedError``.
        """
        heard = time.monotonic()
        deadline = heard + timeout_seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            ask = min(_ASK_SECONDS, left)
            query = {"wait": "settled", "digest": digest, "timeout_seconds": f"{ask:.3f}"}
            try:
                body = self.ask("GET", "configs", config_id, query=query, seconds=ask)
            except NoAnswerError:
                if left == 0 or time.monotonic() - heard > _PATIENCE_SECONDS:
                    raise
                time.sleep(min(_PAUSE_SECONDS, left))
                continue
            heard = time.monotonic()
            view: Answer | None = json.loads(body) if body else None
            if left == 0 or (view and view["waited"] != "timed out") or not is_read(view, digest):
                return view

    def _no_answer(self, cause: str) -> NoAnswerError:
        return NoAnswerError(f"the daemon does not answer at {self.socket} ({cause}); `systemctl status paunchd`")
