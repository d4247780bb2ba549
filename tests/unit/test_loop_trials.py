"""What is on trial, over many passes of the loop: how its gate is measured, and that no verdict is of yesterday."""

import asyncio
from contextlib import closing

import pytest

from paunchd.errors import EngineUnavailable
from paunchd.reconcile.in_flight import LEFT_ALONE_SECONDS
from paunchd.reconcile.model import Health, Probe
from paunchd.reconcile.observe import ON_TRIAL_SECONDS
from paunchd.store import Store
from tests.unit.places import RULES, item
from tests.unit.world import World, running

TOGETHER = {"rollout": {"group": "api"}}

pytestmark = pytest.mark.looptime


async def second_version(world, name="web", **keys):
    """Let *name* be in the probation of its second version."""
    world.put(item(name))
    await world.becomes("running", name)
    world.put(item(name, environment={"V": "2"}, **keys))
    await world.becomes("proving", name)


def restart_too_often(world, name="web"):
    """The engine does it, and no list shows it."""
    for _ in range(RULES.max_restarts + 1):
        world.engine.exit(name, 1)


async def test_a_gate_starts_over_when_the_engine_returns(world):
    """The time an engine was away counts against nobody: a deadline that passed meanwhile is no failure (S-06)."""
    sick = {"healthcheck": {"test": "check"}, "rollout": {"healthy_deadline_seconds": 50}}
    world.put(item("web"))
    await world.becomes("running", "web")
    world.put(item("web", **sick))
    await world.becomes("starting", "web")
    world.engine.go_away()
    world.loop.wake()
    await asyncio.sleep(500)
    world.engine.come_back()
    await world.until(lambda: world.last.engine == "ok")
    await asyncio.sleep(40)
    assert world.state("web") == "starting"
    world.engine.set_health("web", Health.HEALTHY)
    await world.passes()
    await world.becomes("proving", "web")
    assert world.store.names()["web"].rejected == {}


async def test_a_gate_starts_over_when_the_daemon_itself_stood_still(world):
    """Nobody looked while it was stopped, so a deadline that passed meanwhile is no failure (S-16)."""
    sick = {"healthcheck": {"test": "check"}, "rollout": {"healthy_deadline_seconds": 50}}
    world.put(item("web"))
    await world.becomes("running", "web")
    world.put(item("web", **sick))
    await world.becomes("starting", "web")
    world.skipped += 500
    await world.passes()
    await asyncio.sleep(40)
    assert world.state("web") == "starting"
    await world.until(lambda: world.state("web") == "rolled-back")


async def test_the_time_a_look_takes_proves_nothing(world):
    """What is seen running when a look begins has not run on for as long as the engine took to tell the rest (S-14)."""
    world.put(item("web"))
    await world.becomes("starting", "web")
    await asyncio.sleep(RULES.min_healthy_seconds / 2)
    told = len(world.snapshots)
    world.engine.hold("inspect web")
    world.loop.wake()
    await asyncio.sleep(RULES.min_healthy_seconds + 5)
    world.engine.let_go("inspect web")
    await world.until(lambda: len(world.snapshots) > told)
    assert world.snapshots[told].plan.statuses["web"].state.value == "starting"
    await world.becomes("running", "web")


async def test_a_gate_is_not_passed_on_what_was_seen_before_its_end(world):
    """What is to be judged is looked at: a restart that no list shows, and that no event told of, costs the time."""
    began = world.clock()
    world.put(item("web"))
    await world.becomes("starting", "web")
    world.engine.exit("web", 1)
    await world.becomes("running", "web")
    assert world.clock() - began == pytest.approx(2 * RULES.min_healthy_seconds, abs=0.5)


async def test_a_replacement_is_not_healthy_on_what_was_seen_before_its_gate(world):
    """Others may wait for its health, though it is not the good one yet."""
    world.put(item("web"))
    await world.becomes("running", "web")
    began = world.clock()
    world.put(item("web", environment={"V": "2"}))
    await world.becomes("starting", "web")
    world.engine.exit("web", 1)
    await world.becomes("proving", "web")
    assert world.clock() - began == pytest.approx(2 * RULES.min_healthy_seconds, abs=0.5)


async def test_a_gate_that_ends_while_a_lane_is_at_the_container_keeps_no_pass(world):
    """It is left alone by the closer look as by any; the pass ends, and its name is judged after its lane."""
    world.put(item("web"))
    await world.becomes("starting", "web")
    world.engine.hold("update web")
    await asyncio.sleep(RULES.min_healthy_seconds - LEFT_ALONE_SECONDS + 0.5)
    world.put(item("web", restart="unless-stopped"))
    await world.until(lambda: "web" in world.last.in_flight)
    await asyncio.sleep(LEFT_ALONE_SECONDS - 0.3)
    await world.passes(2)
    world.engine.let_go("update web")
    await world.becomes("running", "web")


async def test_a_probation_does_not_end_on_what_was_seen_before_its_end(world):
    """The last moment is when it becomes the good one."""
    await second_version(world, rollout={"probation_seconds": ON_TRIAL_SECONDS - 1})
    await asyncio.sleep(ON_TRIAL_SECONDS - 2)
    restart_too_often(world)
    await world.becomes("rolled-back", "web")


async def test_a_group_is_not_proven_on_what_was_seen_of_one_before_the_last_of_it_was(world):
    """Who is proven, and waits for the others, is looked at once more."""
    slow = {"rollout": {"group": "api", "probation_seconds": RULES.probation_seconds + 4}}
    world.put(item("web", **TOGETHER), item("api", **slow))
    await world.becomes("running", "web", "api")
    world.put(item("web", environment={"V": "2"}, **TOGETHER), item("api", environment={"V": "2"}, **slow))
    await world.becomes("proving", "web", "api")
    await asyncio.sleep(RULES.probation_seconds)
    await world.until(lambda: "proven together" in world.last.plan.statuses["web"].reason)
    restart_too_often(world)
    await world.until(lambda: {world.state("web"), world.state("api")} == {"rolled-back"})


async def test_what_missed_its_deadline_becomes_good_for_what_is_seen_then(world):
    """Without a good revision it may still make up for it, and not by what was seen of it before."""
    world.put(item("web", rollout={"healthy_deadline_seconds": 1, "min_healthy_seconds": ON_TRIAL_SECONDS - 1}))
    await world.becomes("failed", "web")
    await asyncio.sleep(ON_TRIAL_SECONDS - 2.5)
    world.engine.exit("web", 1)
    await asyncio.sleep(1)
    world.loop.wake()
    await asyncio.sleep(0.5)
    assert world.state("web") == "failed"
    await asyncio.sleep(ON_TRIAL_SECONDS)
    world.loop.wake()
    await world.becomes("running", "web")


async def test_a_restart_that_no_list_shows_is_found_when_the_engine_tells_of_it(world):
    """What restarts too often in its probation is rolled back at the event, and not at the next resync."""
    await second_version(world)
    restart_too_often(world)
    began = world.clock()
    world.loop.heard("web")
    await world.becomes("rolled-back", "web")
    assert world.clock() - began < 1


async def test_a_restart_that_may_have_been_missed_is_looked_for(world):
    """When nobody listened to the engine for a moment, everyone on trial is looked at."""
    await second_version(world)
    restart_too_often(world)
    began = world.clock()
    world.loop.missed()
    await world.becomes("rolled-back", "web")
    assert world.clock() - began < 1


async def test_what_has_nothing_to_prove_is_not_inspected_for_what_is_told_of_it(world):
    """Whatever changes it for good is in the list."""
    world.put(item("web"))
    await world.becomes("running", "web")
    world.engine.calls.clear()
    world.loop.heard("web")
    world.loop.missed()
    await asyncio.sleep(1)
    assert set(world.engine.calls) == {"list"}


async def test_a_test_that_passes_is_believed_at_once(world):
    """It is looked at before it counts as healthy, and nothing else has to wake the loop for that."""
    world.put(item("web", healthcheck={"test": "check"}))
    await world.becomes("starting", "web")
    await asyncio.sleep(1)
    world.probes.results = {world.engine.named("web").id: Probe(passed=True)}
    began = world.clock()
    world.loop.wake()
    await world.becomes("running", "web")
    assert world.clock() - began < 1


async def test_a_restart_that_nobody_told_of_is_found_at_the_resync(store):
    """A lost event costs no more than that (S-09)."""
    async with running(World(store, resync_seconds=10)) as world:
        await second_version(world)
        await world.passes()
        restart_too_often(world)
        began = world.clock()
        await world.becomes("rolled-back", "web")
        assert world.clock() - began == pytest.approx(10, abs=1)


async def test_a_trial_amid_many_wakes_costs_few_inspects(world):
    """One after its start and one at its end: a node that starts a hundred has other things to do."""
    world.put(item("web"))
    await world.becomes("starting", "web")
    while world.state("web") == "starting":
        world.loop.wake()
        await asyncio.sleep(0.1)
    await world.becomes("running", "web")
    assert len(world.calls("inspect")) == 2


async def test_what_nobody_remembers_is_judged_by_one_gate(store, tmp_path):
    """With the store lost the settings tell how long what runs has to, whatever is declared now; nobody looks again and
    again until then.
    """
    async with running(World(store)) as first:
        first.put(item("web"))
        await first.becomes("running", "web")
    with closing(Store(tmp_path / "empty.db")) as empty:
        second = World(empty)
        second.engine.containers = first.engine.containers
        second.put(item("web", environment={"V": "2"}, rollout={"min_healthy_seconds": 0.1}))
        async with running(second):
            await asyncio.sleep(RULES.min_healthy_seconds - 0.5)
            assert len(second.snapshots) < 5
            await second.until(lambda: "web" in second.store.names())


async def test_what_passes_its_gate_at_its_deadline_is_healthy(world):
    """It is looked at more closely in the same pass, and nobody is told of a failure meanwhile."""
    short = {"min_healthy_seconds": 2, "healthy_deadline_seconds": 2}
    world.put(item("web", rollout=short))
    await world.becomes("running", "web")
    told = {snapshot.plan.statuses["web"].state.value for snapshot in world.snapshots if snapshot.plan.statuses}
    assert "failed" not in told


async def test_an_engine_that_cannot_tell_more_costs_no_more_passes(world):
    """Who is on trial and cannot be inspected is unseen for a while, and the loop sleeps."""
    world.put(item("web"))
    await world.becomes("starting", "web")
    world.engine.fail_next("inspect", EngineUnavailable("cannot inspect web: timeout"))
    await asyncio.sleep(RULES.min_healthy_seconds)
    world.loop.wake()
    await asyncio.sleep(0.5)
    before = len(world.snapshots)
    await asyncio.sleep(5)
    assert world.state("web") == "unknown"
    assert len(world.snapshots) - before <= 1
