import os
import socket

import pytest

from paunchd.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request, tmp_path):
    address = str(tmp_path / "notify") if request.param == "path" else f"@paunchd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + address[1:] if address.startswith("@") else address)
        sock.settimeout(1)
        yield address, sock


def heard(sock):
    return sock.recv(4096).decode().split("\n")


def test_messages(listener):
    """Each call is one datagram as sd_notify(3) defines it, on a path or an abstract name."""
    address, sock = listener
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": address})
    notifier.ready("3 names,\nsettled")
    assert heard(sock) == ["READY=1", "STATUS=3 names, settled"]
    notifier.status("waiting")
    assert heard(sock) == ["STATUS=waiting"]
    notifier.watchdog()
    assert heard(sock) == ["WATCHDOG=1"]
    notifier.stopping()
    assert heard(sock) == ["STOPPING=1"]


def test_reloading_has_its_time(listener):
    """A reload is announced with the monotonic time, which systemd asks for."""
    address, sock = listener
    Notifier(address).reloading()
    reloading, moment = heard(sock)
    assert reloading == "RELOADING=1"
    assert moment.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_outside_systemd(tmp_path):
    """Without a listener, or with one that is gone, nothing happens and nothing fails."""
    Notifier.from_environment({}).ready("fine")
    Notifier(str(tmp_path / "gone")).watchdog()


def test_a_full_listener_is_not_waited_for(listener):
    """A listener that does not read costs the daemon no time."""
    address, _ = listener
    for _ in range(10_000):
        Notifier(address).watchdog()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_watchdog(environment, expected):
    """The watchdog counts when it is meant for this process, and is fed at half its patience."""
    notifier = Notifier.from_environment(environment)
    assert notifier.watchdog_seconds == expected
    assert notifier.feed_every_seconds == (expected / 2 if expected else None)
