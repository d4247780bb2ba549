"""The hook and the prune script as the agents run them: processes, with nothing of paunchd but their own directory."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

HEAT = ROOT / "contrib" / "heat"
HOOK = HEAT / "hook-paunchd"
PRUNE = HEAT / "50-heat-config-paunchd"
STACK = "overcloud/5e0c7d32-90aa-4a7a-9d27-3f9f1b9d1a11"

Entry = dict[str, Any]
Answer = dict[str, Any]


def entry(config: Any = None, resource: str = "Step4", id_: str = "c0ffee", **inputs: Any) -> Entry:
    """One derived config as Heat puts it into a server's metadata."""
    given = {
        "deploy_server_id": "f00d",
        "deploy_action": "CREATE",
        "deploy_stack_id": STACK,
        "deploy_resource_name": resource,
        "deploy_signal_transport": "NO_SIGNAL",
        **inputs,
    }
    return {
        "id": id_,
        "name": "ContainersStep4",
        "group": "paunchd",
        "config": {"web": {"image": "registry.example/web:1"}} if config is None else config,
        "options": {},
        "inputs": [{"name": name, "type": "String", "value": value} for name, value in given.items()],
        "outputs": [],
    }


async def run(program: Path, *arguments: str, stdin: bytes = b"", **environment: str) -> tuple[int, bytes, bytes]:
    """Run *program* as the agents do, and return its exit code and all it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        *arguments,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, stdout, stderr


class Place:
    """A desired directory, a socket that a daemon may listen at, and the settings file that names both."""

    def __init__(self, directory: Path) -> None:
        self.desired = directory / "desired"
        self.socket = directory / "api.sock"
        self.settings = directory / "paunchd.yaml"
        self.listed = directory / "heat-config"
        self.desired.mkdir()
        self.settings.write_text(json.dumps({"desired_dir": str(self.desired), "api": {"socket": str(self.socket)}}))

    async def deploy(self, asked: Any, **environment: str) -> Answer:
        """Hand *asked* to the hook; whatever it is, one JSON object comes back, and exit code 0."""
        stdin = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        named = {"PAUNCHD_CONFIG": str(self.settings), "HEAT_SHELL_CONFIG": str(self.listed)}
        code, stdout, stderr = await run(HOOK, stdin=stdin, **{**named, **environment})
        assert (code, stderr) == (0, b"")
        answer: Answer = json.loads(stdout)
        assert set(answer) == {"deploy_stdout", "deploy_stderr", "deploy_status_code"}
        assert isinstance(answer["deploy_status_code"], int)
        return answer

    def lists(self, entries: Any) -> None:
        """Have the agents keep the list *entries*, or what stands for one; ``None``: none."""
        if entries is not None:
            self.listed.write_bytes(entries if isinstance(entries, bytes) else json.dumps(entries).encode())

    async def prune(self, entries: Any, **environment: str) -> str:
        """Run the prune script over a list, or over what stands for one; it ends with 0 and prints nothing for Heat."""
        self.lists(entries)
        named = {
            "PAUNCHD_CONFIG": str(self.settings),
            "HEAT_SHELL_CONFIG": str(self.listed),
            "HEAT_CONFIG_DEPLOYED": str(self.settings.with_name("deployed")),
        }
        code, stdout, stderr = await run(PRUNE, **{**named, **environment})
        assert (code, stdout) == (0, b"")
        return stderr.decode()

    def files(self) -> list[str]:
        """Every file in the desired directory, what is half written too."""
        return sorted(path.name for path in self.desired.iterdir())

    def only_file(self) -> Path:
        (path,) = self.desired.iterdir()
        return path

    def written(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.only_file().read_bytes())
        return document
