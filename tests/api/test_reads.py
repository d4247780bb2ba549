"""What is read is what the newest snapshot says, over the socket as over TCP."""

import asyncio
import json
from dataclasses import replace
from typing import get_args

import aiohttp
import pytest

from paunchd.api.routes import ROUTES
from paunchd.reconcile.model import State
from paunchd.spec import Kind
from paunchd.troubles import NodeMatter
from tests import snapshots
from tests.api.serving import serving
from tests.snapshots import SECRET

READS = [route.path for route in ROUTES if route.method == "GET"]


@pytest.mark.parametrize("tcp", [False, True])
async def test_containers(api, tcp):
    """The same list is read over the socket and over TCP."""
    status, answer = await api.json("/v1/containers", tcp=tcp)
    assert status == 200
    assert [c["name"] for c in answer["containers"]][:2] == ["again", "back"]


async def test_one_container(api):
    """A name has a page of its own, and an unknown one is not found."""
    assert (await api.json("/v1/containers/back"))[1]["good_hash"] == "v1:old"
    status, problem = await api.json("/v1/containers/nobody")
    assert (status, problem["detail"]) == (404, "no container `nobody` is known")


async def test_what_a_rejected_container_printed_is_told_over_the_socket_alone(tmp_path):
    """Everybody on the node may hear how it ended; its own words may hold anything."""
    kept = [{"hash": "v1:new", "at": 1.0, "exit_code": 3, "logs": "said\nthis"}]
    async with serving(tmp_path, evidence={"back": kept}) as api:
        api.board.publish(snapshots.troubled())
        for tcp, said in ((False, ["said", "this"]), (True, None)):
            _, answer = await api.json("/v1/containers/back", tcp=tcp)
            (rejected,) = answer["rejected"]
            assert (rejected["exit_code"], rejected["logs"]) == (3, said)


@pytest.mark.parametrize("path", READS)
async def test_before_the_first_pass(tmp_path, path):
    """Before the first pass, what needs it answers 503, and the rest works."""
    address = path.format(name="web", config_id="web")
    async with serving(tmp_path, listen=()) as running, running.ask(address) as answer:
        assert answer.status == (200 if path in ("/healthz", "/metrics", "/v1/history") else 503)


async def test_readiness(api):
    """The node is ready while engine and directory can be read, and says why when not."""
    assert (await api.json("/readyz"))[0] == 200
    api.board.publish(replace(snapshots.settled(), engine="connection refused"))
    status, problem = await api.json("/readyz")
    assert (status, problem["detail"]) == (503, "engine away: connection refused")
    api.board.publish(snapshots.snapshot(degraded="cannot read /d: not mounted"))
    assert (await api.json("/readyz"))[0] == 503


async def test_liveness(tmp_path):
    """A loop that stands still is told."""
    async with serving(tmp_path, listen=(), stuck=lambda: "no pass for 90 s") as running:
        status, problem = await running.json("/healthz")
        assert (status, problem["detail"]) == (503, "no pass for 90 s")


async def test_history(tmp_path):
    """History is shown without what a definition holds, also for a name that is gone."""
    rows = {"old": [{"at": snapshots.EPOCH, "event": "removed", "environment": {"A": SECRET}}]}
    async with serving(tmp_path, listen=(), events=rows) as running:
        running.board.publish(snapshots.settled())
        _, answer = await running.json("/v1/containers/old/history")
        assert (answer["history"][0]["at"], answer["history"][0]["event"]) == (
            "2026-11-22T12:00:00Z",
            "removed",
        )
        assert SECRET not in json.dumps(answer)
        assert (await running.json("/v1/containers/web/history"))[1]["history"] == []
        assert (await running.json("/v1/containers/nobody/history"))[0] == 404


async def test_metrics(api):
    """Prometheus reads its format over TCP."""
    async with api.ask("/metrics", tcp=True) as answer:
        assert answer.content_type == "text/plain"
        assert "paunchd_pass_duration_seconds_count" in await answer.text()


async def test_what_happened_last_on_the_node(tmp_path):
    """All stories together, the newest first, as many as are asked for."""
    rows = {"old": [{"at": 1.0, "event": "removed"}], "web": [{"at": 3.0, "event": "new"}, {"at": 2.0, "event": "x"}]}
    async with serving(tmp_path, listen=(), events=rows) as api:
        api.board.publish(snapshots.settled())
        for query, names in (("", ["web", "web", "old"]), ("?limit=1", ["web"]), ("?limit=0", [])):
            _, answer = await api.json(f"/v1/history{query}")
            assert [row["name"] for row in answer["history"]] == names
        assert (await api.json("/v1/history?limit=-1"))[0] == 400


async def test_requests_are_counted_by_route_and_never_by_path(api):
    """Whatever is asked for, the labels are from closed sets; refusals count as they were answered."""
    for path in ("/v1/containers/back", "/v1/containers/nobody", "/v1/made/up"):
        await api.json(path)
    await api.json("/v1/reconcile", method="POST", tcp=True)
    await api.json("/v1/status", method="DELETE")
    async with api.ask("/metrics") as answer:
        lines = set((await answer.text()).splitlines())
    head = "paunchd_api_requests_total"
    assert {line for line in lines if line.startswith(f"{head}{{")} == {
        head + '{method="GET",route="/v1/containers/{name}",status="2xx"} 1.0',
        head + '{method="GET",route="/v1/containers/{name}",status="4xx"} 1.0',
        head + '{method="GET",route="other",status="4xx"} 1.0',
        head + '{method="POST",route="/v1/reconcile",status="4xx"} 1.0',
        head + '{method="other",route="other",status="4xx"} 1.0',
    }
    assert 'paunchd_api_requests_in_flight{route="/metrics"} 1.0' in lines


async def test_waiters_are_seen_while_they_wait(api):
    """Who waits is in flight, and who goes away before the answer is counted as such."""
    asked = asyncio.create_task(api.json("/v1/configs/web?wait=settled&digest=x&timeout_seconds=30"))
    route = 'route="/v1/configs/{config_id}"'

    async def told(line):
        async with asyncio.timeout(10):
            while True:
                async with api.ask("/metrics") as answer:
                    if line in (await answer.text()).splitlines():
                        return

    await told(f"paunchd_api_requests_in_flight{{{route}}} 1.0")
    asked.cancel()
    await told(f"paunchd_api_requests_in_flight{{{route}}} 0.0")
    await told(f'paunchd_api_requests_total{{method="GET",{route},status="aborted"}} 1.0')


async def test_openapi(api):
    """The description names every address, and every reference in it leads somewhere."""
    _, described = await api.json("/openapi.json")
    assert set(described["paths"]) == {route.path for route in ROUTES}
    text = json.dumps(described)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in described["components"]["schemas"]


async def test_openapi_names_closed_sets_and_what_is_always_there(api):
    """So that a client can be made from it: every state by name, and no field that may be missing."""
    _, described = await api.json("/openapi.json")
    schemas = described["components"]["schemas"]
    assert schemas["State"]["enum"] == [*State]
    assert schemas["Kind"]["enum"] == [*Kind]
    assert schemas["TroubleView"]["properties"]["what"]["anyOf"][1]["enum"] == [*get_args(NodeMatter)]
    for schema in schemas.values():
        assert set(schema.get("properties", ())) == set(schema.get("required", ()))


async def test_a_thousand_readers(api):
    """A thousand concurrent readers are all answered."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def read():
            async with session.get(f"http://127.0.0.1:{api.port}/v1/containers") as answer:
                return answer.status

        assert set(await asyncio.gather(*(read() for _ in range(1000)))) == {200}
