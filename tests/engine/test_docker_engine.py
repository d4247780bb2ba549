"""The real engine, where its behaviour goes beyond the contract every engine has."""

import asyncio
import json
import logging
import threading
import time

import pytest

from paunchd.engine import OUTPUT_LIMIT, DockerEngine
from paunchd.engine.protocol import LOGS_AT_ONCE, LogWish
from paunchd.errors import EngineUnavailable, NotFound, Rejected
from paunchd.reconcile.model import ContainerState
from paunchd.spec import ContainerSpec

pytestmark = pytest.mark.engine

OBEDIENT = 'trap "echo asked politely > /data/said; exit 0" TERM; echo ready; while :; do sleep 0.05; done'
DEAF = 'trap "" TERM; while :; do sleep 0.05; done'


async def says(engine, ref, text):
    async with asyncio.timeout(10):
        while await engine.logs(ref, 5) != text:  # noqa: ASYNC110 - an engine has nothing to wait for
            await asyncio.sleep(0.05)


@pytest.fixture
async def start(engine, owner, stub_image):
    async def start(**keys):
        spec = ContainerSpec(**{"image": stub_image, "net": "none", **keys})
        ref = await engine.create(f"{owner}-web", spec, {"managed_by": owner})
        await engine.start(ref)
        return ref

    return start


async def test_t010_removal_is_polite_and_keeps_the_volume(start, engine, docker, owner):
    """What still runs gets its signal and grace, and its named volume survives it."""
    ref = await start(command=["sh", "-c", OBEDIENT], volumes=[f"{owner}:/data"])
    await says(engine, ref, "ready\n")
    await engine.remove(ref)
    reader = await start(volumes=[f"{owner}:/data"])
    assert (await engine.run_exec(reader, ["cat", "/data/said"])).output == "asked politely\n"
    await engine.remove(reader)
    assert owner in docker("volume", "ls", "--quiet").split()
    docker("volume", "rm", owner)


async def test_a_stop_may_take_its_grace_and_longer_than_a_call(engine_url, start):
    """The deadline of a stop is the container's grace and a call's time; then the engine kills it."""
    hasty = DockerEngine(engine_url, call_timeout_seconds=0.8)
    ref = await start(command=["sh", "-c", DEAF], stop_grace_period=1)
    began = time.monotonic()
    await hasty.stop(ref, (await hasty.inspect(ref)).grace_seconds)
    assert time.monotonic() - began >= 1
    assert (await hasty.inspect(ref)).exit_code == 137
    await hasty.close()


async def test_t012_an_engine_that_does_not_answer_is_no_empty_list(lab, engine_url, stub_image):
    """Frozen, it costs a call's deadline and raises; thawed, it answers again."""
    hasty = DockerEngine(engine_url, call_timeout_seconds=0.3)
    lab.freeze()
    try:
        with pytest.raises(EngineUnavailable, match="cannot list containers: the engine does not answer in time"):
            await hasty.list()
    finally:
        lab.thaw()
    assert isinstance(await hasty.list(), list)
    await hasty.close()


async def test_a_hanging_command_holds_up_nobody_else(engine, start):
    """Long calls have threads of their own."""
    ref = await start()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        hanging = [tasks.create_task(engine.run_exec(ref, ["sleep", "60"])) for _ in range(5)]
        await asyncio.sleep(0.3)
        await engine.list()
        await engine.inspect(ref)
        for one in hanging:
            one.cancel()


async def test_a_command_out_of_time_is_killed(engine, start):
    """It does not go on in the container with nobody waiting for it; what it had said is kept."""
    ref = await start()
    ran = await engine.run_exec(ref, ["sh", "-c", "echo begun; exec sleep 4711"], timeout_seconds=0.4)
    assert ran.timed_out
    assert ran.output == "begun\n"
    await asyncio.sleep(0.1)
    assert "4711" not in (await engine.run_exec(ref, ["ps"])).output


async def test_t050_a_command_gets_environment_user_and_privileges(engine, start, monkeypatch):
    """As `docker exec` gives them; a bare name is the daemon's own variable."""
    monkeypatch.setenv("PASSED", "on")
    ref = await start(cap_drop=["ALL"])
    script = "echo $A $PASSED $(id -un); grep CapEff /proc/self/status"
    environment = (("A", "own"), ("PASSED", None), ("NOBODYS", None))
    plain = await engine.run_exec(ref, ["sh", "-c", script], environment=environment, user="nova")
    assert plain.output.splitlines()[0] == "own on nova"
    strong = await engine.run_exec(ref, ["sh", "-c", script], privileged=True)
    assert "0000000000000000" in plain.output
    assert "0000000000000000" not in strong.output


async def test_t030_output_that_is_no_text_is_text_all_the_same(engine, start):
    """Bytes that are no UTF-8 become replacement characters, in results and in logs."""
    script = r'printf "\377\376ok\n"'
    ref = await start(command=["sh", "-c", f"{script}; exec sleep 60"], stop_signal="SIGKILL")
    expected = "\ufffd\ufffdok\n"
    assert (await engine.run_exec(ref, ["sh", "-c", script])).output == expected
    await says(engine, ref, expected)


async def test_output_is_bounded_and_its_end_is_kept(engine, start):
    """A chatty command cannot fill our memory."""
    script = "head -c 300000 /dev/zero | tr '\\0' x; echo the end"
    ref = await start()
    ran = await engine.run_exec(ref, ["sh", "-c", script])
    assert len(ran.output) == OUTPUT_LIMIT
    assert ran.output.endswith("xthe end\n")


async def test_logs_of_a_terminal_are_read_too(engine, start):
    """With a terminal the engine does not split the streams."""
    ref = await start(command=["sh", "-c", "echo on a terminal; sleep 60"], tty=True, stop_signal="SIGKILL")
    await says(engine, ref, "on a terminal\r\n")


@pytest.mark.parametrize("tty", [False, True], ids=["two streams", "a terminal"])
async def test_a_log_is_followed_line_by_line_until_its_container_ends(engine, start, tty):
    """What was said comes at once, what is said later when it is, and in the end the end."""
    script = "echo first; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo last"
    ref = await start(command=["sh", "-c", script], tty=tty)
    pieces = engine.log_pieces(ref, LogWish(None, follow=True))
    async with asyncio.timeout(10):
        assert await anext(pieces) == b""
        assert (await anext(pieces)).strip() == b"first"
        await engine.run_exec(ref, ["touch", "/tmp/go"])
        assert [piece.strip() async for piece in pieces] == [b"last"]


async def test_whoever_stops_following_leaves_no_thread_behind(engine, start):
    """A log without end is given up at once, as often as it is asked for, and the threads are free for others."""
    talking = await start(command=["sh", "-c", "while :; do echo y; done"], stop_signal="SIGKILL")
    async with asyncio.timeout(20):
        for _ in range(2 * LOGS_AT_ONCE):
            pieces = engine.log_pieces(talking, LogWish(10, follow=True))
            assert [await anext(pieces), (await anext(pieces))[:1]] == [b"", b"y"]
            await pieces.aclose()
        pieces = engine.log_pieces(talking, LogWish(1, timestamps=True))
        assert b"".join([piece async for piece in pieces]).endswith(b"Z y\n")


async def test_t053_a_ulimit_is_honoured(engine, start):
    """A lower number of open files than the daemon's own, which made rootwrap slow."""
    ref = await start(ulimit=["nofile=100"])
    assert (await engine.run_exec(ref, ["sh", "-c", "ulimit -n"])).output == "100\n"


async def test_t054_limits_are_set_and_zero_pids_are_unlimited(engine, start, docker):
    """What was declared is what the engine says it enforces."""
    ref = await start(mem_limit="64m", pids_limit=0, cpu_shares=100)
    limits = (await engine.inspect(ref)).limits
    assert (limits.memory, limits.cpu_shares) == (64 * 2**20, 100)
    assert limits.pids_limit in (None, 0, -1)
    more = await engine.create(
        f"{ref[:12]}-more", ContainerSpec(image=docker("inspect", "--format={{.Image}}", ref), pids_limit=5), {}
    )
    assert (await engine.inspect(more)).limits.pids_limit == 5
    await engine.remove(more)


async def test_t046_t056_the_engine_runs_the_declared_health_test(engine, start, docker):
    """The test is the definition's, in one piece, and not a path somebody thought of."""
    test = "echo 'two  words' && exit 0"
    ref = await start(healthcheck={"test": test, "interval": "30s", "retries": 2})
    told = json.loads(docker("inspect", "--format={{json .Config.Healthcheck}}", ref))
    assert told == {"Test": ["CMD-SHELL", test], "Interval": 30_000_000_000, "Retries": 2}
    assert (await engine.list())[0].state is ContainerState.RUNNING


async def test_t037_what_is_not_there_yet_is_no_error_in_the_log(engine, caplog):
    """A first run looks for much that is not there."""
    with caplog.at_level(logging.DEBUG, logger="paunchd"):
        assert not await engine.image_id("paunchd.test/never:1")
        with pytest.raises(NotFound):
            await engine.inspect("never")
    assert [record for record in caplog.records if record.name.startswith("paunchd")] == []


async def test_a_missing_env_file_is_the_definitions_fault(engine, stub_image):
    """It is rejected by name before the engine is asked for anything."""
    spec = ContainerSpec(image=stub_image, env_file="/nowhere/env")
    with pytest.raises(Rejected, match="cannot create web-1: /nowhere/env: No such file or directory"):
        await engine.create("web-1", spec, {})


async def test_a_health_test_is_no_event(engine, start):
    """Running a command in a container changes nothing in it, and must not wake anybody thrice."""
    ref = await start()
    events = engine.events()
    await anext(events)
    heard = asyncio.ensure_future(anext(events))
    await engine.run_exec(ref, ["true"])
    await asyncio.sleep(0.2)
    assert not heard.done()
    await engine.kill(ref)
    async with asyncio.timeout(5):
        await heard
    await events.aclose()


async def test_a_silent_engine_is_asked_anew_and_that_counts_as_an_event(engine_url, stub_image):
    """A stream that a dead engine left open would be silent for ever."""
    watcher = DockerEngine(engine_url, call_timeout_seconds=0.3)
    events = watcher.events()
    async with asyncio.timeout(5):
        assert await anext(events) == {}
        assert await anext(events) == {}
    await events.aclose()
    await watcher.close()


async def test_every_call_is_counted_with_its_outcome(engine_url, stub_image):
    """What the metrics show of the engine comes from here."""
    counted = []
    engine = DockerEngine(engine_url, on_call=lambda verb, outcome, seconds: counted.append((verb, outcome, seconds)))
    await engine.list()
    with pytest.raises(NotFound):
        await engine.stop("never", 10)
    await engine.close()
    assert [call[:2] for call in counted] == [("list", "ok"), ("stop", "not_found")]
    assert all(seconds > 0 for *_, seconds in counted)


async def test_closing_leaves_no_thread_behind(engine_url, stub_image):
    """Idle threads end, and a listener hears that it is over."""
    engine = DockerEngine(engine_url)
    before = threading.active_count()
    events = engine.events()
    await anext(events)
    heard = asyncio.ensure_future(anext(events))
    await engine.list()
    await engine.close()
    with pytest.raises(EngineUnavailable):
        await heard
    assert threading.active_count() <= before
