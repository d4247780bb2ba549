"""An engine to play on, and the images of the play: whatever was brought here is taken away again."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import docker
import stub_image
from docker.errors import APIError, DockerException, ImageNotFound
from node import ROOT
from private_engine import LabError, PrivateEngine
from requests.exceptions import RequestException

_INSTALLER = ROOT / "contrib" / "lab" / "install_engine.sh"
_SYSTEM_SOCKET = "unix:///var/run/docker.sock"
_PROBE_SECONDS = 5

Say = Callable[[str], None]

_FAILING_HTTPD = b"""#!/bin/sh
echo "cannot open the database: schema 7 is newer than this program" >&2
exit 1
"""


class NoGroundError(Exception):
    """Raised when no engine can be had; the text says what to do."""


@dataclass(frozen=True)
class Ground:
    """An engine that answers at *url*; *private* is the one started for the demo."""

    url: str
    described: str
    private: PrivateEngine | None = None


@contextmanager
def engine(say: Say) -> Iterator[Ground]:
    """The engine that answers; else one of the demo's own, which is gone afterwards."""
    found = _answering(say)
    if found:
        _need_busybox(say)
        yield found
        return
    _install_missing(say)
    say("starting a private engine in a temporary directory")
    try:
        with PrivateEngine() as private:
            with closing(docker.DockerClient(base_url=private.url)) as client:
                described = f"a private one, {_version(client)}"
            yield Ground(private.url, described, private)
    except LabError as error:
        raise NoGroundError(f"{error}\nWith an engine of your own, set DOCKER_HOST=unix:///path") from None


def _answering(say: Say) -> Ground | None:
    named = os.environ.get("DOCKER_HOST")
    url = named or _SYSTEM_SOCKET
    if not url.startswith("unix://"):
        say(f"{url} is left alone: the demo asks for services on this host's own ports")
        return None
    try:
        with closing(docker.DockerClient(base_url=url, timeout=_PROBE_SECONDS)) as client:
            info = client.info()
            version = _version(client)
    except (DockerException, RequestException, OSError):
        say(f"no engine answers at {url}")
        return None
    if info.get("OSType") != "linux" or any("rootless" in option for option in info.get("SecurityOptions") or ()):
        say(f"{url} is left alone: its containers do not share this host's network")
        return None
    return Ground(url, f"yours at {url}, {version}; the demo touches nothing but its own")


def _version(client: docker.DockerClient) -> str:
    version = client.version()
    return f"{version.get('Platform', {}).get('Name') or 'Docker Engine'} {version['Version']}"


def _need_busybox(say: Say) -> None:
    try:
        stub_image.busybox()
    except FileNotFoundError:
        _install_missing(say)


def _install_missing(say: Say) -> None:
    """Run the lab's installer; it installs only what is missing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    say("looking for dockerd, runc and a static BusyBox (installed where missing, which takes a minute)")
    done = subprocess.run([_INSTALLER], check=False, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode:
        raise NoGroundError(f"{done.stderr.strip() or done.stdout.strip()}")


@contextmanager
def images(ground: Ground, name: str, gone: Callable[[list[str]], None]) -> Iterator[None]:
    """Build *name*:1 and :2, which serve, and :3, which does not. *gone* is told what could not be removed."""
    client = docker.DockerClient(base_url=ground.url)
    tags = [f"{name}:{number}" for number in (1, 2, 3)]
    base = stub_image.Recipe().changes
    recipes = [
        stub_image.Recipe(changes=(*base, "ENV DEMO_VERSION=1")),
        stub_image.Recipe(changes=(*base, "ENV DEMO_VERSION=2")),
        stub_image.Recipe(files={"/bin/httpd": _FAILING_HTTPD}, changes=(*base, "ENV DEMO_VERSION=3")),
    ]
    try:
        for tag, recipe in zip(tags, recipes, strict=True):
            _build(ground.url, tag, recipe)
        yield
    finally:
        for tag in tags:
            _remove_image(client, tag)
        gone([tag for tag in tags if client.images.list(name=tag)])
        client.close()


def _build(url: str, tag: str, recipe: stub_image.Recipe) -> None:
    try:
        with _uninterrupted():
            stub_image.build(url, [tag], recipe)
    except OSError as error:
        raise NoGroundError(f"the engine builds no image: {error}") from None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals wait: an engine finishes a build nobody waits for any more, and its image would be left behind."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _remove_image(client: docker.DockerClient, tag: str) -> None:
    try:
        client.images.remove(tag)
    except ImageNotFound:
        return
    except APIError:
        client.images.remove(tag, force=True)
