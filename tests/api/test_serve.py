"""The socket and the ports, as operators and packagers meet them."""

import asyncio
import os
import socket
import stat

import aiohttp
import pytest
import structlog

from paunchd.api.serve import bind
from paunchd.errors import SettingsError
from paunchd.settings import ApiSettings
from tests import snapshots
from tests.api.serving import serving, wait_for_port

GROUP = str(os.getgid())


async def test_socket_mode(api):
    """The socket has the mode of the settings, and nothing else is left beside it."""
    assert stat.S_IMODE(api.settings.socket.stat().st_mode) == 0o660
    assert [path.name for path in api.settings.socket.parent.iterdir()] == ["api.sock"]


async def test_socket_goes_with_the_daemon(tmp_path):
    """When the API ends, its socket file is gone."""
    async with serving(tmp_path, listen=()) as running:
        path = running.settings.socket
    assert not path.exists()


async def test_stale_socket(tmp_path):
    """A socket file that a dead daemon left is replaced."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "api.sock"))
    async with serving(tmp_path, listen=()) as running:
        assert (await running.json("/healthz"))[0] == 200


async def test_a_living_socket_is_not_stolen(api):
    """A second daemon is refused, and the first goes on answering."""
    with pytest.raises(SettingsError, match=r"`api.socket`.*another process answers there"):
        await asyncio.to_thread(bind, api.settings)
    assert (await api.json("/healthz"))[0] == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [({"socket_group": "no-such-group"}, "no group `no-such-group`"), ({}, "a file that is no socket")],
)
def test_a_socket_that_cannot_be_had(tmp_path, change, message):
    """A file in the socket's place or an unknown group is a settings error, and leaves nothing behind."""
    path = tmp_path / "api.sock"
    if not change:
        path.write_text("precious")
    before = set(tmp_path.iterdir())
    with pytest.raises(SettingsError, match=message):
        bind(ApiSettings(socket=path, **({"socket_group": GROUP} | change)))
    assert set(tmp_path.iterdir()) == before


async def test_a_taken_port_is_tried_again(tmp_path, monkeypatch):
    """A port somebody else has is logged once, and had as soon as it is free."""
    monkeypatch.setattr("paunchd.api.serve.RETRY_SECONDS", 0.05)
    with socket.socket() as taken, structlog.testing.capture_logs() as logged:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with serving(tmp_path, listen=[f"127.0.0.1:{port}"], port=port) as running:
            running.board.publish(snapshots.settled())
            assert (await running.json("/v1/containers"))[0] == 200
            await asyncio.sleep(0.2)
            taken.close()
            await wait_for_port(port)
            assert (await running.json("/v1/containers", tcp=True))[0] == 200
    assert [line["event"] for line in logged].count("api_port_refused") == 1


async def test_ending_does_not_wait_for_waiters(tmp_path):
    """A client that waits does not keep the daemon from ending."""
    async with asyncio.timeout(3):
        async with serving(tmp_path, listen=()) as running:
            running.board.publish(snapshots.settled())
            client = asyncio.create_task(running.json("/v1/configs/web?wait=settled&digest=x&timeout_seconds=60"))
            await asyncio.sleep(0.1)
    with pytest.raises(aiohttp.ClientError):
        await client
