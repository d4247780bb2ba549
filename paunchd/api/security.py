"""Who may ask what: TCP answers reads for this node's own names; the socket's mode guards the rest.

No CORS header is ever sent, so a browser shows no page of another origin our answers; the Host check stops a
page that has its own name resolve to this node.
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from paunchd.api.errors import ProblemError

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
#: What every answer says.
HEADERS = {"X-Content-Type-Options": "nosniff", "Server": "paunchd"}
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
READS = frozenset({"GET", "HEAD"})
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of the unix socket."""

    pid: int
    uid: int
    gid: int


def guard_tcp(listening: Collection[str]) -> Middleware:
    """Refuse writes, and hosts that are neither local nor one of the *listening* addresses."""
    ours = LOCAL_HOSTS | set(listening)
    anywhere = any(_is_wildcard(host) for host in listening)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = host_of(request.headers.get("Host", ""))
        if host not in ours and not (anywhere and _is_address(host)):
            raise ProblemError(403, "Host refused", "the Host header must be localhost or an address listened on")
        if request.method not in READS:
            raise ProblemError(403, "Read only", "TCP answers reads only; write over the unix socket (api.socket)")
        return await handler(request)

    return guard


@web.middleware
async def bounded_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take in a body, for which nothing here has a use, and refuse one that is long or does not come to its end."""
    if request.can_read_body:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise ProblemError(413, "Too long", f"a body may have {MAX_BODY_BYTES} bytes") from None
        except TimeoutError:
            raise ProblemError(408, "Too slow", f"the body was not there after {BODY_SECONDS:g} s") from None
        except web.RequestPayloadError:
            raise ProblemError(400, "Bad request", "the body is no HTTP") from None
    return await handler(request)


def host_of(header: str) -> str:
    """Take the host out of a Host header, without port and brackets; empty where there is none."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    host, _, port = header.partition(":")
    return host.lower() if not port or port.isdecimal() else ""


def peer_of(request: web.Request) -> Peer | None:
    """Tell who asks over the unix socket; ``None`` over TCP."""
    sock = request.transport.get_extra_info("socket") if request.transport else None
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    pid, uid, gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid, gid)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_wildcard(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified
