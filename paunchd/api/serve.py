"""Puts the applications on the unix socket and the TCP addresses, and keeps them there."""

import asyncio
import errno
import grp
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from aiohttp import web

from paunchd.api.app import make_app
from paunchd.api.connection import BoundedServer, most_connections
from paunchd.api.sources import Sources
from paunchd.errors import SettingsError
from paunchd.settings import ApiSettings

log = structlog.get_logger()

RETRY_SECONDS = 3.0
SHUTDOWN_SECONDS = 0.25
BACKLOG = 1024
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


async def serve(sources: Sources, settings: ApiSettings, on_socket: Callable[[], None] = lambda: None) -> None:
    """Answer until cancelled; *on_socket* is called once the unix socket answers.

    A TCP port that is taken is tried again for ever. Raises ``SettingsError`` where the socket cannot be had.
    """
    local, public = (
        _Runner(app, shutdown_timeout=SHUTDOWN_SECONDS)
        for app in (make_app(sources), make_app(sources, [host for host, _ in settings.addresses]))
    )
    sock = await asyncio.to_thread(bind, settings)
    try:
        await local.setup()
        await public.setup()
        await web.SockSite(local, sock, backlog=BACKLOG).start()
        log.info("api_opened", socket=settings.socket)
        on_socket()
        async with asyncio.TaskGroup() as listeners:
            for host, port in settings.addresses:
                listeners.create_task(_listen(public, host, port))
            listeners.create_task(asyncio.Event().wait())
    finally:
        await asyncio.gather(local.cleanup(), public.cleanup())
        await asyncio.to_thread(_unlink, settings.socket, sock)


def bind(settings: ApiSettings) -> socket.socket:
    """Bind the unix socket under its path, with mode and group right from the first moment.

    A stale socket file is replaced; one that a living process listens on, or a file of another sort, is not.
    Raises ``SettingsError``.
    """
    path = settings.socket
    new = path.with_name(f".{path.name}.{os.getpid()}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _refuse_to_steal(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        sock.bind(str(new))
        new.chmod(0o600)
        _give(new, settings.socket_group)
        new.chmod(settings.socket_mode_bits)
        sock.listen(BACKLOG)
        new.rename(path)
    except (OSError, SettingsError) as error:
        sock.close()
        with suppress(OSError):
            new.unlink()
        cause = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"cannot listen on `api.socket` {path}: {cause or error}") from None
    sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return sock


def _refuse_to_steal(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SettingsError("there is a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
        raise SettingsError("another process answers there")


def _give(path: Path, group: str) -> None:
    try:
        gid = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise SettingsError(f"there is no group `{group}` (`api.socket_group`)") from None
    if path.stat().st_gid != gid:
        os.chown(path, -1, gid)


def _unlink(path: Path, sock: socket.socket) -> None:
    """Remove the socket file unless somebody else's has taken its place."""
    sock.close()
    with suppress(OSError, SettingsError):
        _refuse_to_steal(path)
        path.unlink()


class _Runner(web.AppRunner):
    """An application's, over bounded connections."""

    async def _make_server(self) -> web.Server:
        return BoundedServer(await super()._make_server(), most_connections())


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    told = 0
    while True:
        try:
            await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        except OSError as error:
            if ":" in host and error.errno in _NO_SUCH_ADDRESS:
                log.info("api_address_absent", host=host, port=port)
                return
            if told != error.errno:
                log.warning("api_port_refused", host=host, port=port, cause=os.strerror(error.errno or 0))
            told = error.errno or 0
            await asyncio.sleep(RETRY_SECONDS)
        else:
            log.info("api_opened", host=host, port=port)
            return
