"""The example node with names, ports and an image of this run's own, in a directory of this run's own.

What `conf/examples/node` says is kept; only what could meet something else on the host is renamed.
"""

import difflib
import json
import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "conf" / "examples" / "node"
HEADER = "x-paunchd"
_DATABASE, _API = "18306", "18080"

Document = dict[str, Any]


def free_ports(count: int) -> list[int]:
    """Find ports nobody listens on now, all different."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in taken]
    finally:
        for one in taken:
            one.close()


class Node:
    """One desired directory with its settings file, below *directory*."""

    def __init__(self, directory: Path) -> None:
        self.token = secrets.token_hex(3)
        self.owner = f"paunchd-demo-{self.token}"
        self.image = f"paunchd-demo-{self.token}"
        self.desired_dir = directory / "desired"
        self.settings_path = directory / "paunchd.yaml"
        self.socket = directory / "api.sock"
        self.log_path = directory / "paunchd.log"
        self._state_dir = directory / "state"
        self._database_port, self.service_port, self.tcp_port = free_ports(3)
        self._volumes: set[str] = set()
        self._files = {path.name: self._own(path) for path in sorted(EXAMPLE.glob("*.yaml"))}

    @property
    def steps(self) -> Mapping[str, int]:
        """The step of every declared name."""
        return {
            name: document[HEADER]["step"] for document in self._files.values() for name in document if name != HEADER
        }

    @property
    def volumes(self) -> frozenset[str]:
        return frozenset(self._volumes)

    def name(self, short: str) -> str:
        return f"{short}-{self.token}"

    def short(self, name: str) -> str:
        return name.removesuffix(f"-{self.token}")

    def path(self, file: str) -> Path:
        return self.desired_dir / file

    def write_settings(self, engine_url: str) -> None:
        """Everything of the demo's own, and a rollout that has to prove itself within seconds."""
        settings = {
            "owner": self.owner,
            "desired_dir": str(self.desired_dir),
            "state_dir": str(self._state_dir),
            "engine": {"url": engine_url},
            "api": {
                "socket": str(self.socket),
                "socket_group": str(os.getegid()),
                "listen": [f"127.0.0.1:{self.tcp_port}"],
            },
            "rollout": {
                "min_healthy_seconds": 1,
                "healthy_deadline_seconds": 20,
                "probation_seconds": 3,
                "max_restarts": 2,
            },
        }
        self.settings_path.write_text(yaml.safe_dump(settings, sort_keys=False))

    def drop(self) -> None:
        """Put the whole node into the desired directory."""
        for file, document in self._files.items():
            self._put(file, _text(document))

    def change(self, file: str, edit: Callable[[Document], None]) -> list[str]:
        """Edit one file's content, and return what differs as diff lines."""
        before = _text(self._files[file])
        edit(self._files[file])
        return self.overwrite(file, _text(self._files[file]), before)

    def overwrite(self, file: str, text: str, before: str | None = None) -> list[str]:
        """Write *text*, whatever it is, and return what differs. `restore` brings the content back."""
        old = _text(self._files[file]) if before is None else before
        self._put(file, text)
        lines = difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=0)
        return [f"{self.path(file).name}:", *(line for line in lines if not re.match(r"---|\+\+\+|@@", line))]

    def text(self, file: str) -> str:
        return _text(self._files[file])

    def restore(self, file: str) -> None:
        self._put(file, _text(self._files[file]))

    def _put(self, file: str, text: str) -> None:
        """In one move, so that nobody reads half of it."""
        unfinished = self.path(f".{file}.tmp")
        unfinished.write_text(text)
        unfinished.chmod(0o644)
        unfinished.rename(self.path(file))

    def _own(self, path: Path) -> Document:
        """Read an example file with this run's names in it."""
        text = path.read_text()
        document: Document = yaml.safe_load(text)
        for volume in re.findall(r'"([a-z_]+):/', text):
            self._volumes.add(self.name(volume))
        replaced = {
            "paunchd-demo:1": f"{self.image}:1",
            f"127.0.0.1:{_DATABASE}": f"127.0.0.1:{self._database_port}",
            f"127.0.0.1:{_API}": f"127.0.0.1:{self.service_port}",
        }
        words = json.dumps(document)
        for old, new in replaced.items():
            words = words.replace(old, new)
        return {key: value if key == HEADER else self._renamed(value) for key, value in self._keys(json.loads(words))}

    def _keys(self, document: Document) -> list[tuple[str, Any]]:
        header = {key: value for key, value in document[HEADER].items() if key != "rollout"}
        items = [(self.name(key), value) for key, value in document.items() if key != HEADER]
        return [(HEADER, header), *items]

    def _renamed(self, definition: Document) -> Document:
        """Point one definition's references to other names, and to volumes, at this run's own."""
        own = dict(definition)
        own["volumes"] = [re.sub(r"^([a-z_]+):", lambda m: f"{self.name(m[1])}:", v) for v in own.get("volumes", [])]
        if "depends_on" in own:
            own["depends_on"] = {self.name(key): value for key, value in own["depends_on"].items()}
        if own.get("action") == "exec":
            own["command"] = [self.name(own["command"][0]), *own["command"][1:]]
        own.pop("rollout", None)
        return {key: value for key, value in own.items() if value != []}


class _Dumper(yaml.SafeDumper):
    """Shell text stays readable."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


def _text(document: Document) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100)
