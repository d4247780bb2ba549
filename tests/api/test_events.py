"""Whoever follows the events hears of each change once, and goes on where he was cut off."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from paunchd.reconcile.model import History, Past, State
from tests import snapshots
from tests.api.serving import serving


def shown(state, name="web"):
    """A snapshot in which *name* alone has another state."""
    node = snapshots.settled()
    status = replace(node.plan.statuses["web"], name=name, state=state)
    return replace(node, plan=replace(node.plan, statuses={**node.plan.statuses, name: status}))


async def frames(answer):
    """Each frame as its fields, without those that only keep the connection."""
    fields = {}
    async for line in answer.content:
        key, _, value = line.decode().rstrip("\n").partition(": ")
        if key in ("id", "event", "data"):
            fields[key] = json.loads(value) if key == "data" else value
        elif not key and fields:
            yield fields
            fields = {}


@asynccontextmanager
async def following(api, path="/v1/events", **keys):
    async with asyncio.timeout(10), api.ask(path, **keys) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        yield frames(answer)


@pytest.fixture
async def api(tmp_path):
    async with serving(tmp_path) as running:
        running.board.publish(shown(State.RUNNING))
        yield running


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_new_reader_is_told_to_look_and_then_what_changes(api, tcp):
    """First a reset with the place it is at, then each change as it comes, with its time."""
    async with following(api, tcp=tcp) as told:
        first = await anext(told)
        assert (first["event"], first["data"]) == ("reset", {"kind": "reset"})
        api.board.publish(shown(State.PARKED))
        change = await anext(told)
        assert change["event"] == "state"
        assert (change["data"]["name"], change["data"]["was"], change["data"]["state"]) == ("web", "running", "parked")
        assert datetime.fromisoformat(change["data"]["at"]).tzinfo


async def test_each_event_is_as_the_description_says(api):
    """No key more and none less, of whatever kind it is; and every one but a reset says when."""
    async with api.ask("/openapi.json") as answer:
        views = [view.get("properties", {}) for view in (await answer.json())["components"]["schemas"].values()]
    described = {keys["kind"]["const"]: keys.keys() for keys in views if "const" in keys.get("kind", ())}
    rejected = replace(shown(State.ROLLED_BACK), history=History({"web": Past(rejected={"v1:new": "x"})}))
    told_of = {}
    async with following(api) as told:
        told_of["reset"] = (await anext(told))["data"].keys()
        for snapshot in (rejected, replace(rejected, engine="away"), snapshots.snapshot()):
            api.board.publish(snapshot)
        while "gone" not in told_of:
            data = (await anext(told))["data"]
            assert data["kind"] == "reset" or data["at"]
            told_of[data["kind"]] = data.keys()
    assert told_of.keys() >= {"reset", "node", "state", "rejected", "gone"}
    assert told_of == {kind: described[kind] for kind in told_of}


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_reader_goes_on_after_the_event_it_had(api, how):
    """What happened while it was away comes first, and nothing twice."""
    async with following(api) as told:
        await anext(told)
        api.board.publish(shown(State.STARTING))
        last = (await anext(told))["id"]
    api.board.publish(shown(State.FAILED))
    query, headers = (f"?last_event_id={last}", {}) if how == "query" else ("", {"Last-Event-ID": last})
    async with following(api, f"/v1/events{query}", headers=headers) as told:
        assert (await anext(told))["data"]["state"] == "failed"
        api.board.publish(shown(State.RUNNING))
        assert (await anext(told))["data"]["state"] == "running"


@pytest.mark.parametrize("last", ["gone-7", "nonsense", "-"])
async def test_a_reader_that_cannot_go_on_is_told_to_look_anew(api, last):
    """As after a restart of the daemon: it has missed something, and hears so."""
    async with following(api, headers={"Last-Event-ID": last}) as told:
        assert (await anext(told))["event"] == "reset"


async def test_a_reader_that_falls_behind_is_told_to_look_anew(api):
    """More than is kept has happened since its place."""
    async with following(api) as told:
        place = (await anext(told))["id"]
    for _ in range(3000):
        api.board.publish(shown(State.STARTING))
        api.board.publish(shown(State.RUNNING))
    async with following(api, headers={"Last-Event-ID": place}) as told:
        reset = await anext(told)
        assert reset["event"] == "reset"
        assert reset["id"] != place


async def test_a_reader_may_pick_names(api):
    """Of other names, and of the node, it hears nothing."""
    async with following(api, "/v1/events?name=db&name=cache") as told:
        await anext(told)
        api.board.publish(shown(State.FAILED))
        api.board.publish(shown(State.FAILED, "db"))
        assert (await anext(told))["data"]["name"] == "db"


async def test_streams_are_bounded_and_given_back(tmp_path, monkeypatch):
    """One more than the bound is told to come again, and one that ends makes room."""
    monkeypatch.setattr("paunchd.api.events.MAX_STREAMS", 1)
    async with serving(tmp_path, listen=()) as api:
        api.board.publish(shown(State.RUNNING))
        async with following(api) as told:
            await anext(told)
            assert (await api.json("/v1/events"))[0] == 503
        async with asyncio.timeout(5):
            while (await status_of(api)) == 503:  # noqa: ASYNC110 - the server sees the end in its own time
                await asyncio.sleep(0.02)


async def status_of(api):
    async with api.ask("/v1/events") as answer:
        return answer.status


async def test_a_connection_is_kept_alive(api, monkeypatch):
    """Where nothing happens, a comment tells proxies and readers that the stream is there."""
    monkeypatch.setattr("paunchd.api.events.KEEPALIVE_SECONDS", 0.05)
    async with asyncio.timeout(5), api.ask("/v1/events") as answer:
        said = b""
        while b": still here" not in said:
            said += await answer.content.readany()


async def test_a_reader_that_takes_nothing_is_cut_off(tmp_path, monkeypatch):
    """It keeps nobody else from the place it had."""
    monkeypatch.setattr("paunchd.api.connection.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("paunchd.api.events.MAX_STREAMS", 1)
    async with serving(tmp_path, listen=()) as api, asyncio.timeout(30):
        api.board.publish(shown(State.RUNNING))
        reader, writer = await asyncio.open_unix_connection(str(api.settings.socket), limit=1024)
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"reset")
        writer.transport.pause_reading()
        assert (await status_of(api)) == 503
        words = ("x" * 60_000, "y" * 60_000)
        while (await status_of(api)) == 503:
            for word in words:
                api.board.publish(saying(word))
                await asyncio.sleep(0.005)
        writer.close()


def saying(word):
    node = shown(State.STARTING)
    status = replace(node.plan.statuses["web"], reason=word)
    return replace(node, plan=replace(node.plan, statuses={"web": status}))
