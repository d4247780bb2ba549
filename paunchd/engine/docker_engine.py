"""The engine behind Docker's API.

Looks, changes and long calls (pull, stop, remove, exec, logs, events) have threads of their own: looking never queues
behind doing, and a call that hangs costs its own lane only, for no longer than its deadline at the HTTP level, because
a thread cannot be cancelled. Nothing is decided here, and no call is repeated.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from docker.types.daemon import CancellableStream
from urllib3.exceptions import ReadTimeoutError

from paunchd.engine import answers
from paunchd.engine.client import Client, Sdk, asking, pulling, send
from paunchd.engine.config import create_config, update_config
from paunchd.engine.execs import finish_exec
from paunchd.engine.inputs import online_processors, passed_through, read_inputs
from paunchd.engine.logs import read_logs
from paunchd.engine.protocol import LOGS_AT_ONCE, OUTPUT_LIMIT, ExecResult, LogWish
from paunchd.engine.streams import Handover, Stream, Tail
from paunchd.engine.workers import Workers
from paunchd.errors import Conflict, EngineError, EngineUnavailable, NotFound, Rejected
from paunchd.reconcile.model import Details, Listed
from paunchd.spec import ContainerSpec, Limits, RestartPolicy

T = TypeVar("T")

_LONG_CALLS = 4  # threads for long calls, for each one for short calls
_WATCHERS = 2
_INSPECT_SECONDS = 5.0
#: What changes a container, in the words of Docker and podman; not `exec_*`: a health test makes three.
_EVENTS = "create start restart die died stop kill oom pause unpause rename update destroy remove health_status"


OnCall = Callable[[str, str, float], None]
_OUTCOMES: Mapping[type[EngineError], str] = {
    EngineUnavailable: "unavailable",
    NotFound: "not_found",
    Conflict: "conflict",
    Rejected: "rejected",
}


def _nobody_counts(verb: str, outcome: str, seconds: float) -> None:
    """Stand in where no metrics are kept."""


class DockerEngine:
    """Docker 20.10 and later, or what speaks its API (podman). It need not be there when this is made.

    *on_call* is told of each call: its verb, ``ok`` or what kind of error, and how long it took.
    """

    def __init__(
        self,
        url: str,
        *,
        concurrency: int = 4,
        call_timeout_seconds: float = 30.0,
        pull_timeout_seconds: float = 1800.0,
        on_call: OnCall = _nobody_counts,
    ) -> None:
        def client() -> Client:
            return Client(url, call_timeout_seconds)

        self._on_call = on_call
        self._call_timeout = call_timeout_seconds
        self._pull_timeout = pull_timeout_seconds
        self._processors = online_processors()
        self._short = Workers("engine", concurrency, client)
        self._reads = Workers("engine-reads", concurrency, client)
        self._long = Workers("engine-long", concurrency * _LONG_CALLS, client)
        self._watchers = Workers("engine-events", _WATCHERS, client)
        self._followers = Workers("engine-logs", LOGS_AT_ONCE, client)
        self._streams: set[Stream] = set()

    async def list(self) -> Sequence[Listed]:
        rows = await self._read("list", "containers", lambda sdk: sdk.containers(all=True))
        return [answers.listed(row) for row in rows]

    async def inspect(self, ref: str) -> Details:
        patience = min(self._call_timeout, _INSPECT_SECONDS)  # a look waits for it
        found = await self._read("inspect", ref, lambda sdk: sdk.inspect_container(ref), patience)
        return answers.details(found, self._processors)

    async def image_id(self, image: str) -> str:
        def call(sdk: Sdk) -> str:
            return str(sdk.inspect_image(image)["Id"])  # type: ignore[no-untyped-call]

        try:
            return await self._read("inspect", f"image {image}", call)
        except (NotFound, Rejected):  # a malformed name is refused rather than not found
            return ""

    async def pull(self, image: str) -> None:
        def call(client: Client) -> None:
            deadline = time.monotonic() + self._pull_timeout
            with client.asked("pull", image, self._pull_timeout) as sdk, pulling(sdk, image) as reports:
                for report in reports:
                    if "error" in report:
                        raise NotFound(f"cannot pull image {image}: {report['error']}")
                    if time.monotonic() > deadline:
                        raise NotFound(f"cannot pull image {image}: the registry takes too long")

        await self._counted("pull", self._long, call)

    async def create(self, engine_name: str, spec: ContainerSpec, labels: Mapping[str, str]) -> str:
        def call(sdk: Sdk) -> str:
            try:
                config = create_config(spec, labels, read_inputs(spec))
            except ValueError as error:
                raise Rejected(f"cannot create {engine_name}: {error}") from None
            created = sdk.create_container_from_config(config, engine_name)  # type: ignore[no-untyped-call]
            return str(created["Id"])

        return await self._ask("create", engine_name, call)

    async def start(self, ref: str) -> None:
        await self._ask("start", ref, lambda sdk: sdk.start(ref))

    async def stop(self, ref: str, grace_seconds: float) -> None:
        await self._counted("stop", self._long, lambda client: self._stop(client, ref, grace_seconds))

    async def kill(self, ref: str) -> None:
        with suppress(Conflict):
            await self._ask("kill", ref, lambda sdk: sdk.kill(ref))

    async def signal(self, ref: str, signal: str) -> None:
        await self._ask("signal", ref, lambda sdk: sdk.kill(ref, signal))

    async def unpause(self, ref: str) -> None:
        with suppress(Conflict):
            await self._ask("unpause", ref, lambda sdk: sdk.unpause(ref))

    async def remove(self, ref: str) -> None:
        def call(client: Client) -> None:
            try:
                with client.asked("remove", ref) as sdk:
                    sdk.remove_container(ref)
            except Conflict as refused:
                if "already in progress" in str(refused):
                    raise
                with client.asked("inspect", ref) as sdk:
                    grace = answers.grace_seconds(sdk.inspect_container(ref))
                self._stop(client, ref, grace)
                with client.asked("remove", ref) as sdk:
                    sdk.remove_container(ref, force=True)

        await self._counted("remove", self._long, call)

    async def rename(self, ref: str, to: str) -> None:
        await self._ask("rename", ref, lambda sdk: sdk.rename(ref, to))

    async def update(self, ref: str, restart: RestartPolicy | None, limits: Limits | None) -> None:
        def call(sdk: Sdk) -> None:
            host = (sdk.inspect_container(ref).get("HostConfig") if limits else None) or {}
            send(sdk, "POST", f"/containers/{ref}/update", json=update_config(restart, limits, host))

        await self._ask("update", ref, call)

    async def run_exec(  # noqa: PLR0913 - see the protocol
        self,
        ref: str,
        command: Sequence[str],
        *,
        environment: Sequence[tuple[str, str | None]] = (),
        user: str | None = None,
        privileged: bool = False,
        timeout_seconds: float | None = None,
    ) -> ExecResult:
        passed = passed_through(environment, os.environ)
        asked = {
            "AttachStdout": True,
            "AttachStderr": True,
            "Cmd": [*command],
            "Env": [f"{name}={value}" for name, value in passed.items() if value is not None],
            "User": user or "",
            "Privileged": privileged,
        }

        def call(client: Client, stream: Stream) -> ExecResult:
            with client.asked("run a command in", ref) as sdk:
                created = send(sdk, "POST", f"/containers/{ref}/exec", json=asked).json()
                return finish_exec(sdk, created["Id"], stream, timeout_seconds)

        return await self._stream_of("exec", call)

    async def logs(self, ref: str, tail: int) -> str:
        def call(client: Client, stream: Stream) -> str:
            return Tail(OUTPUT_LIMIT).add_all(read_logs(client, ref, LogWish(tail), stream)).text()

        return await self._stream_of("logs", call)

    async def log_pieces(self, ref: str, wish: LogWish) -> AsyncGenerator[bytes, None]:
        stream = Stream()
        handover = Handover(stream)
        reading = self._followers.submit(lambda client: handover.put_all(read_logs(client, ref, wish, stream)))
        reading.add_done_callback(lambda _: handover.finish())
        self._streams.add(stream)
        try:
            async for piece in handover.pieces():
                yield piece
            await reading
        finally:
            self._streams.discard(stream)
            reading.cancel()
            stream.end()

    async def events(self) -> AsyncIterator[Mapping[str, str]]:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Mapping[str, str] | None] = asyncio.Queue()
        stream = Stream()

        def tell(labels: Mapping[str, str]) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, labels)

        watching = self._watchers.submit(lambda client: _watch(client, stream, tell))
        watching.add_done_callback(lambda _: arrived.put_nowait(None))
        self._streams.add(stream)
        try:
            while (labels := await arrived.get()) is not None:
                yield labels
            await watching
        finally:
            self._streams.discard(stream)
            watching.cancel()
            stream.end()

    async def close(self) -> None:
        for stream in self._streams:
            stream.end()
        pools = (self._short, self._reads, self._long, self._watchers, self._followers)
        await asyncio.gather(*(pool.close() for pool in pools))

    async def _ask(self, verb: str, what: str, call: Callable[[Sdk], T]) -> T:
        return await self._counted(verb, self._short, asking(verb, what, call))

    async def _read(self, verb: str, what: str, call: Callable[[Sdk], T], seconds: float | None = None) -> T:
        return await self._counted(verb, self._reads, asking(verb, what, call, seconds))

    async def _counted(self, verb: str, workers: Workers[Client], call: Callable[[Client], T]) -> T:
        began = time.monotonic()
        outcome = "cancelled"
        try:
            answer = await workers.submit(call)
            outcome = "ok"
        except EngineError as error:
            outcome = _OUTCOMES.get(type(error), "error")
            raise
        finally:
            self._on_call(verb, outcome, time.monotonic() - began)
        return answer

    async def _stream_of(self, verb: str, call: Callable[[Client, Stream], T]) -> T:
        """Make a long call whose answer ends at once when its caller is cancelled or the engine closed."""
        stream = Stream()
        self._streams.add(stream)
        try:
            return await self._counted(verb, self._long, lambda client: call(client, stream))
        finally:
            self._streams.discard(stream)
            stream.end()

    def _stop(self, client: Client, ref: str, grace_seconds: float) -> None:
        with client.asked("stop", ref) as sdk:
            send(sdk, "POST", f"/containers/{ref}/stop", timeout=grace_seconds + self._call_timeout)


def _watch(client: Client, stream: Stream, tell: Callable[[Mapping[str, str]], None]) -> None:
    """Tell of every event until the stream is ended; raises when the engine ends it.

    An engine silent for the length of a call is asked anew, to see whether it is still there. What may have been missed
    before it listened counts as an event without labels.
    """
    wanted = {"filters": json.dumps({"type": ["container"], "event": _EVENTS.split()})}
    while not stream.ended:
        with client.asked("watch", "containers") as sdk, suppress(ReadTimeoutError):
            response = send(sdk, "GET", "/events", params=wanted, stream=True)
            with response:
                stream.open(CancellableStream(iter(()), response))
                tell({})
                for line in response.raw:
                    tell(answers.labels_in(line))
                raise EngineUnavailable("cannot watch containers: the engine has ended the stream")
    raise EngineUnavailable("cannot watch containers: it was ended")
