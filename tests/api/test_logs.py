"""What containers have printed is answered over the socket, from the engine or from what is kept."""

import asyncio

import aiohttp
import pytest

from paunchd.engine.protocol import LogWish
from paunchd.errors import EngineUnavailable
from paunchd.reconcile.model import Seen, Slot
from tests import snapshots
from tests.api.serving import serving

LOGS = "/v1/containers/web/logs"


@pytest.fixture
async def api(tmp_path):
    """A node where web is being replaced: three containers of it, the live one with a log."""
    seen = {"web": Seen(*(snapshots.container("web", slot=slot) for slot in (Slot.LIVE, Slot.NEXT, Slot.PREV)))}
    kept = {"once": [{"key": "v1:a", "output": "1\n2\n3\n", "at": 2.0}, {"key": "v1:a", "output": "old", "at": 1.0}]}
    async with serving(tmp_path, outputs=kept) as running:
        statuses = [snapshots.Status(name, snapshots.State.RUNNING) for name in ("web", "once")]
        running.board.publish(snapshots.snapshot(*statuses, seen=seen))
        running.logs.pieces = {"id-of-web": [b"one\n", b"two \xff\n"], "id-of-web.next": [], "id-of-web.prev": [b"p"]}
        yield running


async def said(api, path, **keys):
    async with asyncio.timeout(5), api.ask(path, **keys) as answer:
        return answer.status, await answer.read()


async def test_the_newest_lines_of_the_live_container(api):
    """By default two hundred, as they are, with the container they are of."""
    async with api.ask(LOGS) as answer:
        assert (answer.content_type, answer.charset) == ("text/plain", "utf-8")
        assert answer.headers["X-Container-Name"] == "web"
        assert answer.headers["X-Container-Id"] == "id-of-web"
        assert await answer.read() == b"one\ntwo \xff\n"
    assert api.logs.asked == [("id-of-web", LogWish(200))]


@pytest.mark.parametrize(
    ("query", "ref", "wish"),
    [
        ("tail=7", "id-of-web", LogWish(7)),
        ("tail=all&timestamps=true", "id-of-web", LogWish(None, timestamps=True)),
        ("container=prev&tail=0", "id-of-web.prev", LogWish(0)),
        ("container=next", "id-of-web.next", LogWish(200)),
    ],
)
async def test_what_is_wanted_is_asked_of_the_engine(api, query, ref, wish):
    """How many lines, whether with times, and of which of a name's containers."""
    assert (await said(api, f"{LOGS}?{query}"))[0] == 200
    assert api.logs.asked == [(ref, wish)]


async def test_a_log_is_followed_until_its_reader_goes(api):
    """Lines come as they are printed, and the engine is left alone afterwards."""
    async with asyncio.timeout(5):
        async with api.ask(f"{LOGS}?follow=true") as answer:
            assert await answer.content.readline() == b"one\n"
        while not api.logs.closed:  # noqa: ASYNC110 - the server sees the end in its own time
            await asyncio.sleep(0.01)


async def test_a_log_that_breaks_off_is_not_taken_for_whole(api):
    """The connection is cut, so that no reader believes he has seen the end."""
    api.logs.pieces["id-of-web"] = [b"one\n", EngineUnavailable("cannot read logs of web: the engine is away")]
    with pytest.raises(aiohttp.ClientError):
        await said(api, LOGS)


async def test_without_a_container_the_kept_output_is_told(api):
    """What a task or an exec printed is there when its container is not."""
    assert await said(api, "/v1/containers/once/logs") == (200, b"1\n2\n3\n")
    assert await said(api, "/v1/containers/once/logs?tail=1") == (200, b"3\n")
    assert await said(api, "/v1/containers/once/logs?tail=0") == (200, b"")


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        (f"{LOGS}?tail=x", 400, "`tail` must be"),
        (f"{LOGS}?tail=-1", 400, "`tail` must be"),
        (f"{LOGS}?follow=yes", 400, "`follow` must be one of false, true"),
        (f"{LOGS}?container=old", 400, "`container` must be one of live, next, prev"),
        (f"{LOGS}?lines=3", 400, "`lines` is not known here"),
        ("/v1/containers/nobody/logs", 404, "no container `nobody` is known"),
        ("/v1/containers/once/logs?container=prev", 404, "no prev container of `once` is there"),
    ],
)
async def test_what_cannot_be_answered_is_refused(api, path, status, told):
    """The refusal names the parameter, or what is not there."""
    found, problem = await api.json(path)
    assert found == status
    assert told in problem["detail"]


async def test_a_container_that_has_just_gone(api):
    """The engine's refusal is the answer, before any line is."""
    del api.logs.pieces["id-of-web"]
    found, problem = await api.json(LOGS)
    assert (found, problem["detail"]) == (503, "cannot read logs of id-of-web: No such container")


async def test_logs_are_for_the_socket_alone(api):
    """Over TCP everybody on the node could read what a container prints, and it may print anything."""
    found, problem = await api.json(LOGS, tcp=True)
    assert (found, problem["title"]) == (403, "Socket only")
    assert api.logs.asked == []
