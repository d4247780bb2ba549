import asyncio
import io
import json
import logging
import os
import socket
import stat
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
import structlog
from prometheus_client import CollectorRegistry

from paunchd.api.board import Board
from paunchd.api.routes import ROUTES, Sources
from paunchd.api.serve import bind, serve
from paunchd.errors import SettingsError, StoreError
from paunchd.log import setup_logging
from paunchd.metrics import Metrics
from paunchd.reconcile.model import Config, State, Status
from paunchd.settings import ApiSettings, LogSettings
from tests import snapshots
from tests.ports import free_port
from tests.snapshots import DIGEST, SECRET

GROUP = str(os.getgid())
READS = [route.path for route in ROUTES if route.method == "GET"]
WRITES = [route.path for route in ROUTES if route.method == "POST"]


class Operator:
    """Notes what was asked of it; knows one name."""

    def __init__(self):
        self.asked = []

    async def reconcile(self):
        self.asked.append("reconcile")

    async def confirm_removals(self):
        raise StoreError("cannot write the store: disk full")

    async def retry(self, name):
        self._know(name)
        self.asked.append(f"retry {name}")

    async def rollback(self, name):
        self._know(name)
        raise ValueError("cannot roll back web: no good revision is known to return to")

    async def hold(self, name):
        self._know(name)
        self.asked.append(f"hold {name}")

    async def release(self, name):
        self._know(name)
        self.asked.append(f"release {name}")

    def _know(self, name):
        if name != "web":
            raise KeyError(name)


class Running:
    """A served API, asked over its socket or over TCP."""

    def __init__(self, board, operator, settings, port):
        self.board, self.operator, self.settings, self.port = board, operator, settings, port

    @asynccontextmanager
    async def ask(self, path, *, method="GET", tcp=False, **keys):
        connector = None if tcp else aiohttp.UnixConnector(str(self.settings.socket))
        base = f"http://127.0.0.1:{self.port}" if tcp else "http://paunchd"
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, base + path, **keys) as answer,
        ):
            yield answer

    async def json(self, path, **keys):
        async with self.ask(path, **keys) as answer:
            return answer.status, json.loads(await answer.text())


@asynccontextmanager
async def serving(
    tmp_path, *, port=None, listen=None, history=lambda _name: [], stuck=lambda: "", evidence=lambda _name: []
):
    port = port or free_port()
    listen = (f"127.0.0.1:{port}",) if listen is None else listen
    settings = ApiSettings(socket=tmp_path / "api.sock", socket_group=GROUP, listen=listen)
    board, operator, up = Board(), Operator(), asyncio.Event()
    sources = Sources(board, operator, Metrics(CollectorRegistry()), history, stuck, evidence)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve(sources, settings, up.set))
        await asyncio.wait_for(up.wait(), 5)
        if listen:
            await wait_for_port(port)
        try:
            yield Running(board, operator, settings, port)
        finally:
            task.cancel()


async def wait_for_port(port):
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def test_what_a_rejected_container_printed_is_told_over_the_socket_alone(tmp_path):
    """Everybody on the node may hear how it ended; its own words may hold anything."""
    kept = [{"hash": "v1:new", "at": 1.0, "exit_code": 3, "logs": "said\nthis"}]
    async with serving(tmp_path, evidence=lambda name: kept if name == "back" else []) as api:
        api.board.publish(snapshots.troubled())
        for tcp, said in ((False, ["said", "this"]), (True, None)):
            _, answer = await api.json("/v1/containers/back", tcp=tcp)
            (rejected,) = answer["rejected"]
            assert (rejected["exit_code"], rejected["logs"]) == (3, said)


@pytest.fixture
async def api(tmp_path):
    async with serving(tmp_path) as running:
        running.board.publish(snapshots.troubled())
        yield running


@pytest.mark.parametrize("tcp", [False, True])
async def test_containers(api, tcp):
    """The same list is read over the socket and over TCP."""
    status, answer = await api.json("/v1/containers", tcp=tcp)
    assert status == 200
    assert [c["name"] for c in answer["containers"]][:2] == ["again", "back"]


async def test_unchanged_list_is_not_sent_again(api):
    """A client that has the newest list gets 304, and the new one once it changes."""
    async with api.ask("/v1/containers") as answer:
        tag = answer.headers["ETag"]
    async with api.ask("/v1/containers", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    api.board.publish(snapshots.settled())
    async with api.ask("/v1/containers", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 200


async def test_one_container(api):
    """A name has a page of its own, and an unknown one is not found."""
    assert (await api.json("/v1/containers/back"))[1]["good_hash"] == "v1:old"
    status, problem = await api.json("/v1/containers/nobody")
    assert (status, problem["detail"]) == (404, "no container `nobody` is known")


@pytest.mark.parametrize("path", READS)
async def test_before_the_first_pass(tmp_path, path):
    """Before the first pass, what needs it answers 503, and the rest works."""
    address = path.format(name="web", config_id="web")
    async with serving(tmp_path, listen=()) as running, running.ask(address) as answer:
        assert answer.status == (200 if path in ("/healthz", "/metrics") else 503)


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
    async with serving(tmp_path, listen=(), history=lambda name: rows.get(name, [])) as running:
        running.board.publish(snapshots.settled())
        _, answer = await running.json("/v1/containers/old/history")
        assert (answer["history"][0]["at"], answer["history"][0]["event"]) == (
            "2026-11-22T12:00:00Z",
            "removed",
        )
        assert SECRET not in json.dumps(answer)
        assert (await running.json("/v1/containers/web/history"))[1]["history"] == []
        assert (await running.json("/v1/containers/nobody/history"))[0] == 404


async def test_writes_over_the_socket(api):
    """An operator's requests reach the daemon, and an unknown name is not found."""
    for action in ("retry", "hold", "release"):
        status, answer = await api.json(f"/v1/containers/web/{action}", method="POST")
        assert (status, answer) == (202, {"accepted": action, "name": "web"})
    assert (await api.json("/v1/reconcile", method="POST"))[0] == 202
    assert api.operator.asked == ["retry web", "hold web", "release web", "reconcile"]
    status, problem = await api.json("/v1/containers/nobody/retry", method="POST")
    assert (status, problem["detail"]) == (404, "no container `nobody` is known")


async def test_a_rollback_to_nowhere(api):
    """Asking for what cannot be done is a conflict that says why."""
    status, problem = await api.json("/v1/containers/web/rollback", method="POST")
    assert (status, problem["title"]) == (409, "Not possible")
    assert "no good revision" in problem["detail"]


async def test_a_write_that_cannot_be_done(api):
    """When the store cannot be written, the operator is told so, and to come again."""
    async with api.ask("/v1/removals/confirm", method="POST") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"]
        assert (await answer.json(content_type=None))["detail"] == "cannot write the store: disk full"


async def test_writer_is_recorded(api):
    """Who wrote over the socket is logged by uid."""
    with structlog.testing.capture_logs() as logged:
        await api.json("/v1/containers/web/hold", method="POST")
    assert logged == [
        {
            "event": "write_requested",
            "log_level": "info",
            "action": "hold",
            "name": "web",
            "uid": os.getuid(),
            "pid": os.getpid(),
        }
    ]


@pytest.mark.parametrize("path", [*WRITES, "/v1/containers", "/nowhere"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_tcp_reads_only(api, path, method):
    """Over TCP every method that is no read is refused, and nothing is done."""
    status, problem = await api.json(path.format(name="web"), method=method, tcp=True)
    assert (status, problem["title"]) == (403, "Read only")
    assert api.operator.asked == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("evil.example:80", 403),
        ("localhost.evil.example", 403),
        ("localhost:80@evil.example", 403),
        ("10.0.0.1", 403),
        ("", 403),
    ],
)
async def test_rebinding(api, host, expected):
    """Over TCP a Host that is not this node's own is refused, whatever it resolves to."""
    async with api.ask("/v1/containers", tcp=True, headers={"Host": host}) as answer:
        assert answer.status == expected


async def test_no_host_at_all(api):
    """An HTTP/1.0 request without a Host is refused over TCP."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(b"GET /v1/containers HTTP/1.0\r\n\r\n")
    assert b" 403 " in await reader.readline()
    writer.close()


async def test_no_cors(api):
    """No answer invites a browser of another origin."""
    async with api.ask("/v1/containers", tcp=True, headers={"Origin": "http://evil.example"}) as answer:
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1/containers/../../etc/passwd",
        "/v1/containers/..%2f..%2fetc%2fpasswd",
        "/v1/containers/%00",
    ],
)
@pytest.mark.parametrize("tcp", [False, True])
async def test_strange_paths(api, path, tcp):
    """What is no address of this API is refused as problem+json."""
    async with api.ask(path, tcp=tcp) as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"


async def test_wrong_method(api):
    """A wrong method over the socket is refused with the right ones."""
    async with api.ask("/v1/containers", method="DELETE") as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        assert answer.content_type == "application/problem+json"


async def test_huge_query(api):
    """A query of a megabyte is refused, and the next request is answered."""
    try:
        async with api.ask("/v1/containers?x=" + "a" * 1_000_000) as answer:
            assert answer.status == 400
    except aiohttp.ClientError:
        pass
    assert (await api.json("/v1/containers"))[0] == 200


async def test_a_thousand_readers(api):
    """A thousand concurrent readers are all answered."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def read():
            async with session.get(f"http://127.0.0.1:{api.port}/v1/containers") as answer:
                return answer.status

        assert set(await asyncio.gather(*(read() for _ in range(1000)))) == {200}


async def test_wait_answers_when_settled(api):
    """A wait for a digest answers once that very content has settled, not the content before it."""
    waiting = asyncio.create_task(api.json("/v1/configs/web?wait=settled&digest=new&timeout_seconds=10"))
    await asyncio.sleep(0.05)
    api.board.publish(snapshots.settled())
    newer = snapshots.settled()
    configs = {"web": Config("web", "new", names=frozenset({"web"}))}
    read = replace(newer, desired=replace(newer.desired, generation=8, configs=configs))
    api.board.publish(read)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    api.board.publish(replace(read, observed_generation=8))
    status, answer = await waiting
    assert (status, answer["settled"], answer["waited"], answer["digest"]) == (200, True, "settled", "new")


async def test_wait_answers_when_failed(api):
    """A wait ends at once when the content has failed, and says which names."""
    _, answer = await api.json(f"/v1/configs/web?wait=settled&digest={DIGEST}")
    assert (answer["settled"], answer["failed"], answer["waited"]) == (False, True, "failed")
    assert answer["failed_names"] == ["back", "once"]


async def test_wait_answers_when_broken(api):
    """A wait for content that does not parse ends at once, with the reason."""
    _, answer = await api.json(f"/v1/configs/bad?wait=settled&digest={'e2' * 32}")
    assert answer["waited"] == "failed"
    assert answer["broken"].startswith("bad.yaml:3:1")


async def test_wait_ends_in_time(api):
    """A wait whose time is over says that it is not settled yet, whatever other content says."""
    api.board.publish(snapshots.settled())
    status, answer = await api.json("/v1/configs/web?wait=settled&digest=other&timeout_seconds=0.1")
    assert (status, answer["settled"], answer["failed"], answer["waited"]) == (200, False, False, "timed out")


async def test_wait_for_a_generation(api):
    """A wait for a generation is not answered by an earlier one."""
    api.board.publish(snapshots.settled())
    _, answer = await api.json("/v1/configs/web?wait=settled&generation=8&timeout_seconds=0.1")
    assert answer["waited"] == "timed out"
    _, answer = await api.json("/v1/configs/web?wait=settled&generation=7&timeout_seconds=0.1")
    assert answer["waited"] == "settled"


async def test_wait_for_a_config_not_read_yet(api):
    """A wait for a config that is not known yet is not refused before its time."""
    assert (await api.json("/v1/configs/new?wait=settled&digest=x&timeout_seconds=0.1"))[0] == 404
    waiting = asyncio.create_task(api.json("/v1/configs/new?wait=settled&digest=x&timeout_seconds=10"))
    await asyncio.sleep(0.05)
    config = Config("new", "x", names=frozenset({"web"}))
    status = Status("web", State.RUNNING, settled=True)
    api.board.publish(snapshots.snapshot(status, items=[snapshots.item("web", "new")], configs=[config]))
    assert (await waiting)[1]["waited"] == "settled"


async def test_wait_for_a_removal(api):
    """With an empty digest a wait ends once the config is gone and nothing of it is left."""
    assert (await api.json("/v1/configs/gone?wait=settled&digest=&timeout_seconds=0.1"))[1]["waited"] == "timed out"
    api.board.publish(snapshots.settled())
    status, answer = await api.json("/v1/configs/gone?wait=settled&digest=&timeout_seconds=1")
    assert (status, answer["waited"], answer["names"]) == (200, "settled", [])


@pytest.mark.parametrize(
    "query",
    [
        "wait=soon",
        "wait=settled&timeout_seconds=x",
        "wait=settled&timeout_seconds=1e9",
        "wait=settled&generation=-1",
        "wiat=settled",
    ],
)
async def test_bad_wait(api, query):
    """A wait that makes no sense is refused, not guessed at."""
    assert (await api.json(f"/v1/configs/web?{query}"))[0] == 400


async def test_waiters_are_bounded(api, monkeypatch):
    """More waiters than the bound are told to come again."""
    monkeypatch.setattr("paunchd.api.routes.MAX_WAITERS", 1)
    first = asyncio.create_task(api.json("/v1/configs/web?wait=settled&digest=x&timeout_seconds=0.5"))
    await asyncio.sleep(0.1)
    assert (await api.json("/v1/configs/web?wait=settled&digest=x"))[0] == 503
    await first


async def test_metrics(api):
    """Prometheus reads its format over TCP."""
    async with api.ask("/metrics", tcp=True) as answer:
        assert answer.content_type == "text/plain"
        assert "paunchd_pass_duration_seconds_count" in await answer.text()


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


async def test_planted_secrets_stay_inside(api):
    """No answer and no log line shows an environment value, a command or an env_file."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    setup_logging(LogSettings(level="debug"), stream)
    said = ""
    try:
        for snapshot in (snapshots.troubled(), snapshots.planned(), snapshots.settled()):
            api.board.publish(snapshot)
            names = [(name, config) for name in snapshot.plan.statuses for config in snapshot.desired.configs]
            for path in {p.format(name=n, config_id=c) for p in READS for n, c in names}:
                async with api.ask(path) as answer:
                    said += await answer.text()
        await api.json("/v1/containers/web/hold", method="POST")
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = before
        logging.captureWarnings(capture=False)
    assert "registry/app:1" in said
    assert "write_requested" in stream.getvalue()
    assert SECRET not in said + stream.getvalue()


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
