"""An API that is served, and everything it is made from in memory."""

import asyncio
import json
import os
from contextlib import asynccontextmanager

import aiohttp
from prometheus_client import CollectorRegistry

from paunchd.api.board import Board
from paunchd.api.serve import serve
from paunchd.api.sources import Sources
from paunchd.errors import NotFound, StoreError
from paunchd.metrics import Metrics
from paunchd.settings import ApiSettings
from tests.ports import free_port

GROUP = str(os.getgid())


class Operator:
    """Notes what was asked of it, and by whom; knows one name."""

    def __init__(self):
        self.asked = []
        self.uids = set()

    async def confirm_removals(self, *, uid):
        raise StoreError("cannot write the store: disk full")

    async def rollback(self, name, *, uid):
        self._know(name)
        raise ValueError("cannot roll back web: no good revision is known to return to")

    def __getattr__(self, action):
        async def ask(*names, uid):
            for name in names:
                self._know(name)
            self.uids.add(uid)
            self.asked.append(" ".join([action, *names]))

        return ask

    def _know(self, name):
        if name != "web":
            raise KeyError(name)


class Kept:
    """What is kept of names: rows by name, of each sort. *meanwhile* happens while they are read."""

    def __init__(self, events=None, evidence=None, outputs=None):
        self.meanwhile = lambda: None
        self._rows = {"events": events or {}, "evidence": evidence or {}, "outputs": outputs or {}}

    def events(self, name):
        self.meanwhile()
        return self._rows["events"].get(name, [])

    def recent(self, limit):
        self.meanwhile()
        told = [{"name": name, **row} for name, rows in self._rows["events"].items() for row in rows]
        return sorted(told, key=lambda row: -row["at"])[:limit]

    def evidence(self, name):
        return self._rows["evidence"].get(name, [])

    def outputs(self, name):
        return self._rows["outputs"].get(name, [])


class Logs:
    """What containers have printed, piece by piece, by their ids; *asked* notes what was wanted."""

    def __init__(self):
        self.pieces = {}
        self.asked = []
        self.closed = 0

    async def log_pieces(self, ref, wish):
        self.asked.append((ref, wish))
        if ref not in self.pieces:
            raise NotFound(f"cannot read logs of {ref}: No such container")
        try:
            yield b""
            for piece in self.pieces[ref]:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
            if wish.follow:
                await asyncio.Event().wait()
        finally:
            self.closed += 1


class Running:
    """A served API, asked over its socket or over TCP."""

    def __init__(self, sources, settings, port):
        self.board, self.operator, self.logs = sources.board, sources.operator, sources.logs
        self.kept = sources.kept
        self.settings, self.port = settings, port

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
async def serving(tmp_path, *, port=None, listen=None, stuck=lambda: "", **kept):
    port = port or free_port()
    listen = (f"127.0.0.1:{port}",) if listen is None else listen
    settings = ApiSettings(socket=tmp_path / "api.sock", socket_group=GROUP, listen=listen)
    up = asyncio.Event()
    sources = Sources(Board(), Operator(), Metrics(CollectorRegistry()), Kept(**kept), Logs(), stuck)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve(sources, settings, up.set))
        await asyncio.wait_for(up.wait(), 5)
        if listen:
            await wait_for_port(port)
        try:
            yield Running(sources, settings, port)
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
