"""The few raw calls to an engine's API that the lab makes, so that it needs nothing but Python."""

import http.client
import socket
from collections.abc import Iterable


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_seconds: float) -> None:
        super().__init__("engine", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def call(
    path: str, method: str, target: str, body: bytes | Iterable[bytes] = b"", *, timeout_seconds: float = 60
) -> bytes:
    """Make one request to the engine at socket *path*; OSError where it fails or answers 400 and up."""
    connection = _SocketConnection(path, timeout_seconds)
    try:
        connection.request(method, target, body=body, headers={"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        text = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"cannot call {method} {target}: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        raise OSError(f"cannot call {method} {target}: {answer.status} {text.decode(errors='replace').strip()}")
    return text
