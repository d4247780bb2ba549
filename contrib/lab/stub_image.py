"""Build container images without a registry: a static BusyBox, a few files, and an image configuration.

DOCKER_HOST=unix:///… python3 stub_image.py NAME[:TAG]...
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine_api import call

SERVICE = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
"""Shell text that runs for ever and ends at once when it is asked to, which a bare PID 1 does not."""

_DIRECTORIES = (
    "bin",
    "dev",
    "etc",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr",
    "usr/bin",
    "var",
)


@dataclass(frozen=True)
class Recipe:
    """*files* maps absolute paths to contents, all of them executable. *users* get ids from 1000 up.

    *changes* are Dockerfile lines: ``CMD ["/bin/httpd", "-f"]``, ``ENV A=b``, ``USER nova``.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    users: Sequence[str] = ()
    changes: Sequence[str] = (f'CMD ["/bin/sh", "-c", "{SERVICE}"]',)


def busybox() -> Path:
    """Where a static BusyBox is; FileNotFoundError says how to get one."""
    for candidate in ("busybox-static", "busybox"):
        found = shutil.which(candidate)
        if found and _is_static(found):
            return Path(found)
    raise FileNotFoundError("no static busybox here; see contrib/lab/install_engine.sh")


def _is_static(program: str) -> bool:
    """Look for a loader's name in the file itself: running `ldd` runs the program."""
    return b"/ld-linux" not in Path(program).read_bytes()


def _passwd(users: Sequence[str]) -> tuple[bytes, bytes]:
    numbered = [("root", 0), *((user, 1000 + index) for index, user in enumerate(users))]
    passwd = "".join(f"{user}:x:{uid}:{uid}::/{'root' if uid == 0 else ''}:/bin/sh\n" for user, uid in numbered)
    group = "".join(f"{user}:x:{uid}:\n" for user, uid in numbered)
    return passwd.encode(), group.encode()


def _add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.size, member.mode = len(content), 0o755
    tar.addfile(member, io.BytesIO(content))


def _add_link(tar: tarfile.TarFile, path: str, target: str) -> None:
    member = tarfile.TarInfo(path)
    member.type, member.linkname, member.mode = tarfile.SYMTYPE, target, 0o777
    tar.addfile(member)


def root_tar(recipe: Recipe) -> bytes:
    """Make the image's only layer."""
    program = busybox()
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    passwd, group = _passwd(recipe.users)
    files = {"/etc/passwd": passwd, "/etc/group": group, **recipe.files}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for directory in _DIRECTORIES:
            member = tarfile.TarInfo(directory)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
            tar.addfile(member)
        _add(tar, "bin/busybox", program.read_bytes())
        for applet in sorted(set(applets) - {"busybox"} - {Path(path).name for path in files}):
            _add_link(tar, f"bin/{applet}", "/bin/busybox")
        for path, content in files.items():
            _add(tar, path, content)
    return out.getvalue()


def build(url: str, names: Sequence[str], recipe: Recipe | None = None) -> None:
    """Import one image into the engine at *url* (``unix://…``) and give it all *names*."""
    recipe = recipe or Recipe()
    socket = url.removeprefix("unix://")
    first, *others = names
    repo, tag = _split(first)
    query = urllib.parse.urlencode(
        {"fromSrc": "-", "repo": repo, "tag": tag, "changes": list(recipe.changes)}, doseq=True
    )
    call(socket, "POST", f"/images/create?{query}", root_tar(recipe))
    for other in others:
        repo, tag = _split(other)
        query = urllib.parse.urlencode({"repo": repo, "tag": tag})
        call(socket, "POST", f"/images/{urllib.parse.quote(first, safe='')}/tag?{query}")


def _split(name: str) -> tuple[str, str]:
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "latest")


if __name__ == "__main__":
    build(os.environ["DOCKER_HOST"], sys.argv[1:] or ["paunchd-stub"])
