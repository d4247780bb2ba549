"""Tells systemd how the daemon is, by the datagrams of sd_notify(3). Outside systemd every call does nothing.

A notification is never worth an error: one that cannot be sent at once is dropped.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Self


class Notifier:
    """*address* is a path, or an abstract name behind an ``@``; empty: nobody listens."""

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        environment = os.environ if environment is None else environment
        return cls(environment.get("NOTIFY_SOCKET", ""), _watchdog_seconds(environment))

    @property
    def feed_every_seconds(self) -> float | None:
        """Half of the watchdog's patience, as sd_watchdog_enabled(3) advises; ``None`` without a watchdog."""
        return self.watchdog_seconds / 2 if self.watchdog_seconds else None

    def ready(self, status: str = "") -> None:
        """Say that start-up, or a reload, is over."""
        self._send("READY=1", status)

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send(status=text)

    def reloading(self) -> None:
        """Say that a reload begins; ``ready`` must follow."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def watchdog(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self, status: str = "") -> None:
        self._send("STOPPING=1", status)

    def _send(self, message: str = "", status: str = "") -> None:
        if not self._address:
            return
        lines = [message] if message else []
        lines += [f"STATUS={' '.join(status.split())}"] if status else []
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)  # noqa: FBT003 - the standard library's signature
            out.sendto("\n".join(lines).encode(), self._address)


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) else None
