"""Probing in the gate, on a fake engine and in simulated time."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from paunchd.engine import ExecResult
from paunchd.errors import EngineUnavailable
from paunchd.probe import Prober, command_of
from paunchd.reconcile.model import Probe
from paunchd.spec import ContainerSpec, Healthcheck
from tests.fakes.engine import FakeEngine

CHECK = Healthcheck(("CMD-SHELL", "/openstack/healthcheck 5672"))
COMMAND = ("/bin/sh", "-c", "/openstack/healthcheck 5672")

pytestmark = pytest.mark.looptime


@pytest.fixture
def engine():
    return FakeEngine(images={"web:1"})


@pytest.fixture
async def ref(engine):
    ref = await engine.create("web", ContainerSpec(image="web:1"), {})
    await engine.start(ref)
    engine.calls.clear()
    return ref


@asynccontextmanager
async def probing(engine):
    woken = []
    prober = Prober(engine, lambda: woken.append(asyncio.get_running_loop().time()))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(prober.run())
        yield prober, woken
        running.cancel()


@pytest.mark.parametrize(
    ("test", "command"),
    [
        (("CMD-SHELL", "a  b"), ("/bin/sh", "-c", "a  b")),
        (("CMD", "a", "b c"), ("a", "b c")),
        (("NONE",), ()),
        ((), ()),
    ],
)
def test_t056_the_declared_test_is_run_as_the_engine_would(test, command):
    """Never a path of our own, and nothing where the test is disabled or left to the image."""
    assert command_of(Healthcheck(test)) == command


async def test_a_target_is_probed_at_once_and_the_result_wakes(engine, ref):
    """The engine's own first check would come half a minute later."""
    async with probing(engine) as (prober, woken):
        prober.watch({ref: CHECK})
        await asyncio.sleep(0.01)
        assert prober.results == {ref: Probe(passed=True)}
        assert len(woken) == 1


async def test_a_target_is_probed_again_ever_slower_up_to_two_seconds(engine, ref):
    """A service that needs a while costs few calls."""
    async with probing(engine) as (prober, _):
        prober.watch({ref: CHECK})
        await asyncio.sleep(20)
    assert 10 <= len(engine.calls) <= 15


async def test_only_a_turn_wakes(engine, ref):
    """A test that goes on failing is no news; its newest output is kept all the same."""
    engine.execs[COMMAND] = ExecResult(1, "not yet")
    async with probing(engine) as (prober, woken):
        prober.watch({ref: CHECK})
        await asyncio.sleep(5)
        engine.execs[COMMAND] = ExecResult(1, "almost")
        await asyncio.sleep(5)
        assert prober.results == {ref: Probe(passed=False, output="almost")}
        assert len(woken) == 1
        engine.execs[COMMAND] = ExecResult(0, "")
        await asyncio.sleep(5)
        assert len(woken) == 2


async def test_a_test_that_takes_too_long_has_failed(engine, ref):
    """As the engine counts it."""
    engine.execs[COMMAND] = ExecResult(None, "so far")
    async with probing(engine) as (prober, _):
        prober.watch({ref: CHECK})
        await asyncio.sleep(0.01)
        assert prober.results == {ref: Probe(passed=False, output="still running after 30 s\nso far")}


@pytest.mark.parametrize("code", [137, 143])
async def test_t077_a_test_killed_with_its_container_is_no_result(engine, ref, code):
    """A stop in the middle of a check is clean: no failure, no 137."""
    engine.execs[COMMAND] = ExecResult(code, "")
    async with probing(engine) as (prober, woken):
        prober.watch({ref: CHECK})
        await asyncio.sleep(3)
        assert prober.results == {}
        assert woken == []


async def test_t077_a_container_that_is_gone_or_stopped_is_no_result(engine, ref):
    """Nor does it end the probing of others, or of itself once it is back."""
    await engine.stop(ref, 10)
    async with probing(engine) as (prober, _):
        prober.watch({ref: CHECK, "gone": CHECK})
        await asyncio.sleep(3)
        assert prober.results == {}
        await engine.start(ref)
        await asyncio.sleep(3)
        assert prober.results == {ref: Probe(passed=True)}


async def test_an_engine_that_is_away_fails_nobody(engine, ref):
    """Unknown is never unhealthy."""
    engine.fail_next("exec", EngineUnavailable("cannot reach it"), EngineUnavailable("cannot reach it"))
    async with probing(engine) as (prober, _):
        prober.watch({ref: CHECK})
        await asyncio.sleep(0.6)
        assert prober.results == {}
        await asyncio.sleep(3)
        assert prober.results == {ref: Probe(passed=True)}


@pytest.mark.parametrize(
    ("ran", "outcome"),
    [
        (ExecResult(0, ""), "passed"),
        (ExecResult(1, ""), "failed"),
        (ExecResult(None, ""), "timed-out"),
        (ExecResult(137, ""), "lost"),
        (EngineUnavailable("cannot reach it"), "lost"),
    ],
)
async def test_every_test_is_counted_as_it_went(engine, ref, ran, outcome):
    """What had no result is counted too: many of them say that the engine is at its end."""
    if isinstance(ran, ExecResult):
        engine.execs[COMMAND] = ran
    else:
        engine.fail_next("exec", ran)
    counted = []
    prober = Prober(engine, lambda: None, counted.append)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(prober.run())
        prober.watch({ref: CHECK})
        await asyncio.sleep(0.01)
        running.cancel()
    assert counted == [outcome]


async def test_who_is_no_target_any_more_is_left_alone_and_forgotten(engine, ref):
    """Watching names everybody who counts from now on."""
    async with probing(engine) as (prober, _):
        prober.watch({ref: CHECK})
        await asyncio.sleep(1)
        prober.watch({})
        assert prober.results == {}
        calls = len(engine.calls)
        await asyncio.sleep(10)
        assert len(engine.calls) == calls


async def test_a_container_without_a_test_of_its_own_is_never_probed(engine, ref):
    """Disabled, or only the image's timing changed."""
    async with probing(engine) as (prober, _):
        prober.watch({ref: Healthcheck(("NONE",))})
        await asyncio.sleep(5)
    assert engine.calls == []
