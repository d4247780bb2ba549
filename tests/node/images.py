"""The images that a node test takes: Debian, a node with systemd on it, Heat's agents, and a service.

Built by the session's engine, which keeps them in its cache: what has not changed is not built again.
"""

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import stub_image as stubs

from tests.conftest import ROOT, Docker

DEBIAN = "paunchd.lab/debian"
NODE = "paunchd.lab/node"
AGENTS = "heat-agents"
SERVICES = ("registry.example/web:1", "registry.example/web:2")

_HERE = Path(__file__).parent
_HEAT = ROOT / "contrib" / "heat"


def build_node(docker: Docker, engine_url: str) -> None:
    """Build the node, and the services that run on it."""
    if not docker("images", "--quiet", DEBIAN):
        with (ROOT / ".lab" / "debian.tar").open("rb") as tar:
            docker("import", "--change", "ENV PIP_CERT=/etc/ssl/authorities.crt", "-", DEBIAN, stdin=tar)
    files = {name: (_HERE / name).read_bytes() for name in ("Containerfile", "begin")}
    _build(docker, NODE, "Containerfile", {**files, "requirements.txt": _requirements().encode()})
    stubs.build(engine_url, SERVICES, stubs.Recipe())


def build_agents(docker: Docker) -> None:
    found = sorted(path for path in _HEAT.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = {str(path.relative_to(_HEAT)): path.read_bytes() for path in found}
    _build(docker, AGENTS, "agents/Containerfile", files)


def wheel(directory: Path, version: str) -> Path:
    """Build the checkout's paunchd into *directory*, as if it were *version*."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place)
        shutil.copytree(ROOT / "paunchd", source / "paunchd", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, source)
        (source / "paunchd" / "__init__.py").write_text(f'__version__ = "{version}"\n')
        pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--wheel-dir", str(directory), place]
        subprocess.run(pip, check=True)
    return next(directory.glob(f"paunchd-{version}-*.whl"))


def packed(files: Mapping[str, bytes]) -> bytes:
    """Make an archive of *files*, all of them executable."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _build(docker: Docker, tag: str, containerfile: str, files: Mapping[str, bytes]) -> None:
    base = ("--build-arg", f"BASE={DEBIAN}", "--network", "host", "--file", containerfile)
    docker("build", "--quiet", "--tag", tag, *base, "-", stdin=packed(files))
    docker("image", "prune", "--force")  # what the tag stood for before


def _requirements() -> str:
    """Name what the program depends on, in the versions of the lock."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = re.findall(r"^[\w.-]+==[^\s;]+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    versions = dict(one.lower().replace("_", "-").split("==") for one in locked)
    names = [re.split(r"[<>=~!\[; ]", one)[0].lower().replace("_", "-") for one in needed]
    return "\n".join(f"{name}=={versions[name]}" for name in sorted(names)) + "\n"
