"""Asks the daemon over its unix socket. Standard library only, so that the client starts at once."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

TIMEOUT_SECONDS = 30.0


class NoAnswerError(Exception):
    """Raised where no daemon answers; the text says which socket, and what to try."""


class RefusedError(Exception):
    """Raised where the daemon answers, but with a problem."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_seconds: float | None) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """One daemon, by the path of its socket."""

    def __init__(self, path: Path, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.path = path
        self._timeout_seconds = timeout_seconds

    def get(self, *parts: str) -> dict[str, Any]:
        """Read ``/v1/PART/…``. Raises ``NoAnswerError`` and ``RefusedError``."""
        return self._ask("GET", parts)

    def post(self, *parts: str) -> dict[str, Any]:
        """Write to ``/v1/PART/…``. Raises ``NoAnswerError`` and ``RefusedError``."""
        return self._ask("POST", parts)

    @contextmanager
    def stream(
        self,
        *parts: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        endless: bool = False,
    ) -> Iterator[http.client.HTTPResponse]:
        """Read ``/v1/PART/…`` as it comes; *endless*: it may say nothing for as long as it likes.

        Raises ``NoAnswerError``, also where it breaks off, and ``RefusedError``.
        """
        address = _address(parts) + (f"?{urlencode(query, doseq=True)}" if query else "")
        seconds = None if endless else self._timeout_seconds
        with self._answer("GET", address, seconds, headers or {}) as answer:
            yield answer

    def _ask(self, method: str, parts: tuple[str, ...]) -> dict[str, Any]:
        with self._answer(method, _address(parts), self._timeout_seconds, {}) as answer:
            return dict(json.loads(answer.read()))

    @contextmanager
    def _answer(
        self, method: str, address: str, seconds: float | None, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        connection = _UnixConnection(self.path, seconds)
        try:
            connection.request(method, address, headers=dict(headers))
            answer = connection.getresponse()
            if answer.status >= http.client.BAD_REQUEST:
                detail = json.loads(answer.read()).get("detail", answer.reason)
                raise RefusedError(answer.status, str(detail))
            yield answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswerError(self._advice(error)) from None
        finally:
            connection.close()

    def _advice(self, error: Exception) -> str:
        match error:
            case FileNotFoundError():
                cause, advice = (
                    "there is no such socket",
                    "`systemctl status paunchd`, or name it by --socket",
                )
            case ConnectionRefusedError():
                cause, advice = "nobody listens", "`systemctl restart paunchd`"
            case PermissionError():
                cause, advice = "permission denied", "`sudo`, or join the group in `api.socket_group`"
            case TimeoutError():
                cause, advice = "no answer in time", "`journalctl -u paunchd`"
            case _:
                cause, advice = str(error) or type(error).__name__, "`journalctl -u paunchd`"
        return f"cannot ask the daemon at {self.path}: {cause}; try {advice}"


def _address(parts: tuple[str, ...]) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)
