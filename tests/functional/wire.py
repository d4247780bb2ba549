"""What the proxy must know of HTTP: where a request ends, how an answer looks, and the chunks that events come in."""

import re
import socket

CHUNK = 65536
HEAD_END = b"\r\n\r\n"


def read_request(client: socket.socket) -> bytes | None:
    """Read one whole request, or nothing where the client only knocked."""
    data = b""
    while HEAD_END not in data:
        more = client.recv(CHUNK)
        if not more:
            return None
        data += more
    head, _, body = data.partition(HEAD_END)
    length = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
    while length and len(body) < int(length[1]):
        more = client.recv(CHUNK)
        if not more:
            return None
        body += more
    return head + HEAD_END + body


def asking_to_close(request: bytes) -> bytes:
    """One request a connection: then the end of an answer is the end of its stream, whatever kind it is."""
    head, _, body = request.partition(HEAD_END)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + HEAD_END + body


def answer(status: int, message: str) -> bytes:
    """Make an answer as the engine refuses with."""
    body = f'{{"message": "{message}"}}'.encode()
    head = f"HTTP/1.1 {status} Made Up\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


class Chunks:
    """An answer that comes in chunks, read from *source*."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._data = b""

    def head(self) -> bytes:
        while HEAD_END not in self._data and self._more():
            pass
        head, end, self._data = self._data.partition(HEAD_END)
        return head + end

    def next(self) -> bytes:
        """Return the next chunk in its frame, nothing at the end of them. A ``TimeoutError`` loses nothing."""
        while True:
            size, line, _ = self._data.partition(b"\r\n")
            whole = len(size) + int(size, 16) + 4 if line else 0
            if line and len(self._data) >= whole:
                chunk, self._data = self._data[:whole], self._data[whole:]
                return chunk
            if not self._more():
                return b""

    def _more(self) -> bool:
        more = self._source.recv(CHUNK)
        self._data += more
        return bool(more)
