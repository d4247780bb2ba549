"""Ports for servers under test."""

import socket


def free_port() -> int:
    """A TCP port of this host that nobody has just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
