"""The loop on a fake engine and in simulated time: what it does over many passes, and what must never stop it."""

import asyncio
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from itertools import pairwise

import pytest

from paunchd import readings
from paunchd.errors import StoreError
from paunchd.reconcile.in_flight import LEFT_ALONE_SECONDS
from paunchd.reconcile.loop import (
    AFTER_CRASH_SECONDS,
    FRESH_SECONDS,
    LONG_STEP_SECONDS,
    LONGEST_AWAY_SECONDS,
)
from paunchd.reconcile.model import Config, ContainerState, Fault, Health, Probe
from paunchd.reconcile.parts import Pace
from paunchd.reconcile.wakes import AFTER_CHANGE_SECONDS
from paunchd.store import Store
from tests.fakes.engine import Behaviour
from tests.unit.places import RULES, item
from tests.unit.world import World, running

pytestmark = pytest.mark.looptime


async def test_a_declared_container_comes_up_and_is_proven_without_anybody_waking_the_loop(world):
    """Every wait of a rollout is a time to look again: no pass waits, and no wake or resync is needed for it."""
    began = world.clock()
    world.put(item("web"))
    await world.becomes("running", "web")
    assert world.engine.names() == {"web": ContainerState.RUNNING}
    assert RULES.min_healthy_seconds <= world.clock() - began < 1000
    assert len(world.snapshots) < 20


async def test_probation_ends_by_itself(world):
    """A replacement is proven when its probation is over, in the pass that was planned for that moment."""
    world.put(item("web"))
    await world.becomes("running", "web")
    began = world.clock()
    world.put(item("web", environment={"V": "2"}))
    await world.becomes("proving", "web")
    assert world.engine.names().keys() == {"web", "web.prev"}
    await world.becomes("running", "web")
    await world.until(lambda: world.engine.names().keys() == {"web"})
    assert world.clock() - began == pytest.approx(RULES.min_healthy_seconds + RULES.probation_seconds, abs=1)


async def test_many_wakes_cost_few_passes(world):
    """A storm of events is one pass now and one afterwards, not one each (S-09)."""
    before = len(world.snapshots)
    for _ in range(10_000):
        world.loop.wake()
    await asyncio.sleep(1)
    assert len(world.snapshots) - before <= 2


async def test_a_quiet_node_is_left_alone_between_two_resyncs(store):
    """Without events one pass is taken a resync period, and everything is inspected at the slow one only (T-074)."""
    async with running(World(store, resync_seconds=10, slow_resync_seconds=300)) as world:
        world.put(*(item(f"c{number}") for number in range(20)))
        await world.becomes("running", *(f"c{number}" for number in range(20)))
        await asyncio.sleep(300)
        world.engine.calls.clear()
        await asyncio.sleep(600)
        assert len(world.calls("list")) == pytest.approx(60, abs=2)
        assert len(world.calls("inspect")) == 40
        assert not world.calls("create", "start", "stop", "remove", "update")


async def test_an_engine_that_is_away_freezes_everything_and_a_full_look_follows_its_return(world):
    """What is not known is not dead: states stay as last seen, tries get rarer, and on its return all is inspected
    (S-06).
    """
    world.put(item("web"), item("db"))
    await world.becomes("running", "web", "db")
    world.engine.go_away()
    world.loop.wake()
    await world.until(lambda: world.last.engine != "ok")
    assert world.last.observed.of("web").live
    world.engine.calls.clear()
    world.put(item("web"))
    done, away = world.passes_counted("done"), world.passes_counted("engine-away")
    await asyncio.sleep(100)
    assert world.passes_counted("done") == done
    assert world.passes_counted("engine-away") > away
    assert 100 / LONGEST_AWAY_SECONDS <= len(world.calls("list")) < 100 / LONGEST_AWAY_SECONDS + 10
    assert set(world.engine.calls) == {"list"}
    world.engine.come_back()
    await world.until(lambda: world.last.engine == "ok" and not world.last.in_flight)
    assert "inspect web" in world.engine.calls
    await world.until(lambda: world.engine.names().keys() == {"web"})


async def test_one_lane_a_name_and_the_last_version_wins(world):
    """While a name's lane is in flight no other begins for it; then only the newest version is done (S-21)."""
    world.put(item("web", environment={"V": "1"}))
    await world.becomes("running", "web")
    world.engine.hold("create web.next")
    for version in "23456":
        world.put(item("web", environment={"V": version}))
        await world.passes(2)
        assert len(world.last.in_flight) == 1
    world.engine.let_go("create web.next")
    await world.becomes("running", "web")
    assert dict(world.engine.named("web").spec.environment) == {"V": "6"}
    assert world.calls("create").count("create web.next") <= 3
    assert world.engine.names().keys() == {"web"}


async def test_a_lane_that_hangs_holds_up_nobody_else(store):
    """Other names go on while one waits for its engine call, as long as there are slots (S-08)."""
    async with running(World(store, lanes=2)) as world:
        world.engine.hold("start web")
        world.put(item("web"))
        await world.until(lambda: world.last.in_flight)
        world.put(item("web"), *(item(f"c{number}") for number in range(10)))
        await world.until(lambda: all(world.state(f"c{number}") == "running" for number in range(10)))
        await world.until(lambda: world.last.doing == {"web": "start web"})
        world.engine.let_go("start web")
        await world.becomes("running", "web")


async def test_a_container_that_is_just_being_started_is_asked_about_only_where_that_takes_long(world):
    """The engine would answer only once it has started it, and the pass would wait for that (S-08)."""
    world.engine.hold("start web")
    world.put(item("web"))
    await world.until(lambda: "start web" in {str(step) for step, _ in world.loop._in_flight.doing.values()})
    await world.passes(3)
    assert world.calls("inspect") == []
    await asyncio.sleep(LEFT_ALONE_SECONDS)
    await world.passes(2)
    assert world.calls("inspect") == ["inspect web"]
    world.engine.let_go("start web")
    await world.becomes("running", "web")


async def test_what_a_lane_does_itself_wakes_nobody_before_its_end(world):
    """The engine tells of each of its steps, and a look at each would take the time that the engine needs for them;
    whatever others do is looked at at once and, as the list may be late, once more.
    """
    world.engine.hold("start web")
    world.put(item("web"))
    await world.until(lambda: world.last.in_flight)
    told = len(world.snapshots)
    world.loop.heard("web")
    await asyncio.sleep(LONG_STEP_SECONDS / 2)
    assert len(world.snapshots) == told
    world.loop.heard("db")
    await asyncio.sleep(LONG_STEP_SECONDS / 4)
    assert len(world.snapshots) == told + 2
    world.engine.let_go("start web")
    await world.becomes("running", "web")


@pytest.mark.parametrize("call", ["pull new:1", "stop web.prev"])
async def test_what_others_may_have_done_beside_a_lane_is_looked_at_at_once(world, call):
    """While an image is pulled the old container may fail, and from its stop on the name does not serve."""
    world.put(item("web"))
    await world.becomes("running", "web")
    world.engine.registry |= {"new:1"}
    world.engine.hold(call)
    world.put(item("web", image="new:1"))
    await world.until(lambda: world.last.doing.get("web", "").startswith(call.split()[0]))
    await asyncio.sleep(1)
    if call.startswith("pull"):
        world.engine.set_health("web", Health.UNHEALTHY)
    else:
        world.engine.exit("web.prev")
    told = len(world.snapshots)
    world.loop.heard("web")
    await asyncio.sleep(AFTER_CHANGE_SECONDS / 2)
    assert len(world.snapshots) > told
    assert not readings.is_ready(world.last, "web")
    world.engine.let_go(call)
    await world.until(lambda: not world.loop._in_flight.lanes)


@pytest.mark.parametrize("others", [False, True])
async def test_a_pass_rests_for_those_who_are_at_the_engine_and_for_nobody_else(world, others):
    """What the last lane was waited for begins at once; while there are others, ends are looked at together."""
    if others:
        world.engine.hold("start db")
        world.put(item("db"))
        await world.until(lambda: world.last.in_flight)
    moments = []
    world.engine.before_call = lambda call: moments.append((call, world.clock()))
    world.put(item("web"), *([item("db")] if others else []))
    await world.until(lambda: "start web" in dict(moments))
    await asyncio.sleep(1)
    started = [call for call, _ in moments].index("start web")
    looked = next(moment for call, moment in moments[started:] if call == "list")
    assert looked - moments[started][1] == pytest.approx(Pace(1, 1, 1).gap_seconds if others else 0.0)


async def test_a_step_that_takes_long_is_told_of_while_it_does(world):
    """Nothing else may happen meanwhile, and whoever waits wants to know what for."""
    world.engine.hold("start web")
    world.put(item("web"))
    await world.until(lambda: "start web" in {str(step) for step, _ in world.loop._in_flight.doing.values()})
    await asyncio.sleep(LONG_STEP_SECONDS + 0.1)
    assert world.last.doing == {"web": "start web"}
    world.engine.let_go("start web")
    await world.becomes("running", "web")


@pytest.mark.parametrize("seconds", [0.0, FRESH_SECONDS + 1])
async def test_what_a_record_was_waited_for_begins_without_another_look(world, seconds):
    """A record changes nothing on the engine, so what was seen just before it is still so; later it need not be."""
    world.engine.behaviours["stub:2"] = Behaviour(exits=0)
    world.engine.hold("logs sync")
    world.put(item("sync", image="stub:2", detach=False, restart="no"), item("web", start_order=1))
    await world.until(lambda: world.last.doing.get("sync", "").startswith("record"))
    await asyncio.sleep(seconds)
    world.engine.let_go("logs sync")
    await world.becomes("running", "web")
    recorded, begun = world.engine.calls.index("logs sync"), world.engine.calls.index("create web")
    assert ("list" in world.engine.calls[recorded:begun]) == (seconds > FRESH_SECONDS)


async def test_a_version_that_is_outdated_before_it_was_begun_is_given_up(world):
    """While an image is pulled the definition changes: the new image is pulled, the old container was never touched."""
    world.put(item("web"))
    await world.becomes("running", "web")
    world.engine.registry |= {"new:1", "new:2"}
    world.engine.hold("pull new:1")
    world.put(item("web", image="new:1"))
    await world.until(lambda: world.last.in_flight)
    world.put(item("web", image="new:2"))
    await world.passes(2)
    world.engine.let_go("pull new:1")
    await world.becomes("running", "web")
    assert world.engine.named("web").spec.image == "new:2"
    assert world.calls("stop") == ["stop web.prev"]
    assert [event["outcome"] for event in world.store.events("web") if event["event"] == "config-changed"] == [
        "done",
        "cut short",
    ]


def test_passes_rest_longer_where_lanes_wait_for_the_engine():
    """Nothing new could begin, and the engine needs the processors: a storm of its events costs few passes."""
    pace = Pace(10, 300, 4)
    assert pace.gap(0.001, 0) == pace.gap_seconds
    assert pace.gap(0.1, 0) == pytest.approx(0.1)
    assert pace.gap(0.1, 10) == pytest.approx(0.3)
    assert pace.gap(0.001, 1000) == pace.gap(7.0, 0) == pace.longest_gap_seconds


@pytest.mark.parametrize(
    ("call", "image", "fewest", "most"), [("start c0", "stub:1", 5, 15), ("pull new:1", "new:1", 100, 250)]
)
async def test_many_lanes_make_passes_rarer_where_they_wait_for_a_slot(store, call, image, fewest, most):
    """Lanes that wait for something else do not: the engine is free for whatever comes next."""
    async with running(World(store, lanes=1)) as world:
        world.engine.registry.add("new:1")
        world.engine.hold(call)
        world.put(*(item(f"c{number}", image=image) for number in range(40)))
        await world.until(lambda: len(world.loop._in_flight.lanes) == 40)
        await world.passes(1)
        before, began = len(world.snapshots), world.clock()
        while world.clock() - began < 5:
            world.loop.wake()
            await asyncio.sleep(0.01)
        assert fewest <= len(world.snapshots) - before <= most
        world.engine.let_go(call)
        await world.until(lambda: not world.last.in_flight)


async def test_a_lane_that_has_ended_leaves_nothing_behind(world):
    """Names come and go for as long as the daemon runs; what was kept for their lanes goes with these."""
    for name in ("one", "two"):
        world.put(item(name))
        await world.becomes("running", name)
    assert (world.loop._in_flight.lanes, world.loop._in_flight._begun_with, world.loop._in_flight.doing) == ({}, {}, {})


async def test_what_ends_while_a_pass_looks_is_not_called_a_failure_before_it_is_judged(world):
    """Whoever waits for a verdict would be told of a failure before it was recorded, and before it is rolled back."""
    world.put(item("web"))
    await world.becomes("running", "web")
    world.engine.behaviours["fail",] = Behaviour(exits=3)
    world.engine.hold("start web")
    world.put(item("web", command=["fail"], restart="no"))
    await world.until(lambda: world.last.in_flight)
    world.engine.hold("list")
    world.loop.wake()
    await asyncio.sleep(1)
    world.engine.let_go("start web")
    await asyncio.sleep(1)
    world.engine.let_go("list")
    await world.becomes("rolled-back", "web")
    failures = [snapshot for snapshot in world.snapshots if readings.has_failed(snapshot, "web")]
    assert failures
    assert {readings.state_of(snapshot, "web").value for snapshot in failures} == {"rolled-back"}


async def test_a_crash_in_a_pass_does_not_end_the_loop(world):
    """A defect of ours costs one pass and is logged; the next one is taken soon."""
    world.shelf.defect = RuntimeError("a defect")
    world.put(item("web"))
    await world.becomes("running", "web")
    assert world.passes_counted("crashed") == 1


async def test_a_crash_in_a_lane_costs_that_lane_only(world):
    """A defect met while one name is worked on is put off like any failure, and the others go on."""

    def crash_once(call):
        if call == "start web":
            world.engine.before_call = lambda _: None
            raise RuntimeError("a defect")

    world.engine.before_call = crash_once
    world.put(item("web"), item("db"))
    await world.until(lambda: "web" in world.recorder.attempts)
    await world.becomes("running", "web", "db")


async def test_a_crash_in_a_record_is_not_met_again_at_once(world, monkeypatch):
    """A record is never put off, and each try is a line in the name's story."""
    tries = []

    def crash(_):
        tries.append(world.clock())
        raise RuntimeError("a defect")

    monkeypatch.setattr(world.store, "accept_together", crash)
    world.put(item("web"))
    await world.until(lambda: len(tries) > 3)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == pytest.approx([AFTER_CRASH_SECONDS] * len(pauses))


async def test_a_store_that_refuses_stops_what_would_be_done_and_not_the_looking(world):
    """Nothing begins that could not be remembered, tries are seconds apart, and afterwards all is done (S-11)."""
    world.put(item("web"))
    await world.until(lambda: world.state("web") == "starting")
    world.store._connection.execute("PRAGMA query_only=1")
    world.put(item("web"), item("db"))
    before, began = len(world.snapshots), world.clock()
    await asyncio.sleep(400)
    assert len(world.snapshots) - before < 3 * (world.clock() - began)
    assert world.engine.names().keys() == {"web"}
    assert world.last.engine == "ok"
    world.engine.pause("web")
    await world.passes()
    assert world.last.observed.of("web").live.state is ContainerState.PAUSED
    world.store._connection.execute("PRAGMA query_only=0")
    await world.becomes("running", "web", "db")


async def test_a_lane_that_ends_while_a_pass_looks_costs_its_name_no_memory(world):
    """It was left alone in the look, so nothing of it was seen, and no file declares it any more."""
    world.put(item("db"))
    await world.becomes("running", "db")
    world.engine.hold("start web")
    world.put(item("web"), item("db"))
    await world.until(lambda: "start web" in {str(step) for step, _ in world.loop._in_flight.doing.values()})
    world.engine.hold("list")
    told = len(world.snapshots)
    world.put(item("db"))
    await asyncio.sleep(0.5)
    world.engine.let_go("start web")
    await world.until(lambda: not world.loop._in_flight.lanes)
    world.engine.hold("stop web")
    world.engine.let_go("list")
    await world.until(lambda: len(world.snapshots) > told)
    assert world.store.names().keys() == {"web", "db"}
    world.engine.let_go("stop web")
    await world.until(lambda: world.engine.names().keys() == {"db"})


async def test_tidying_up_that_the_store_refuses_costs_no_pass(world, monkeypatch):
    """A store that cannot be cleaned is told once in a while, and passes go on being published (S-11)."""

    def refuse(name):
        raise StoreError("cannot write the store: disk full")

    world.put(item("web"), item("db"))
    await world.becomes("running", "web", "db")
    monkeypatch.setattr(world.store, "forget", refuse)
    world.put(item("db"))
    await world.until(lambda: world.engine.names().keys() == {"db"})
    before = len(world.snapshots)
    await world.passes(3)
    assert len(world.snapshots) >= before + 3
    monkeypatch.undo()
    await world.until(lambda: world.store.names().keys() == {"db"})


async def test_what_is_neither_declared_nor_there_is_forgotten(world):
    """The store stays as large as the node, and a name that comes back is a new one."""
    world.put(item("web"), item("db"))
    await world.becomes("running", "web", "db")
    world.put(item("db"))
    await world.until(lambda: world.store.names().keys() == {"db"})
    assert world.engine.names().keys() == {"db"}


@pytest.mark.parametrize("trouble", ["broken", "degraded"])
async def test_nothing_is_forgotten_while_anything_cannot_be_read(world, trouble):
    """A name may be missing only because its file cannot be understood, so its past is kept."""
    world.put(item("sync", detach=False, restart="no"), item("db"))
    world.engine.behaviours["stub:1"] = Behaviour(exits=0)
    await world.becomes("succeeded", "sync")
    world.engine.containers.pop(world.engine.named("sync").id)
    fault = Config("broken", "d", faults=(Fault("broken.yaml", "not understood"),))
    keys = {"configs": {"broken": fault}} if trouble == "broken" else {"degraded": "cannot read"}
    world.put(item("db"), **keys)
    await world.passes(3)
    assert world.store.names()["sync"].results


async def test_an_empty_directory_beside_an_empty_memory_is_not_believed(store, tmp_path):
    """A node that came up without its file system keeps what runs, until an operator confirms the removals or the
    files are back (S-12, I6).
    """
    first = World(store)
    async with running(first):
        first.put(item("web"), item("db"))
        await first.becomes("running", "web", "db")
    with closing(Store(tmp_path / "empty.db")) as empty:
        second = World(empty)
        second.engine.containers = first.engine.containers
        async with running(second):
            await second.becomes("held", "web", "db")
            await second.passes(3)
            assert second.engine.names().keys() == {"web", "db"}
            assert "mounted" in second.last.desired.degraded
            second.put(item("web"), item("db"))
            await second.becomes("running", "web", "db")
            second.put()
            await second.until(lambda: not second.engine.names())


async def test_a_removal_of_what_nobody_remembers_can_be_confirmed(store, tmp_path):
    """Who has lost the store and wants an empty node says so once (T-100)."""
    first = World(store)
    async with running(first):
        first.put(item("web"))
        await first.becomes("running", "web")
    with closing(Store(tmp_path / "empty.db")) as empty:
        second = World(empty)
        second.engine.containers = first.engine.containers
        async with running(second):
            await second.becomes("held", "web")
            second.loop.confirmed = frozenset({"web"})
            second.loop.wake()
            await second.until(lambda: not second.engine.names())


async def test_what_changes_nothing_in_the_container_is_remembered_without_a_lane(world):
    """A new start order or health deadline needs no new container, and the good revision is known with it."""
    world.put(item("web"))
    await world.becomes("running", "web")
    world.engine.calls.clear()
    world.put(item("web", start_order=7))
    await world.passes(2)
    assert world.store.names()["web"].good.spec.start_order == 7
    assert set(world.engine.calls) == {"list"}


async def test_a_container_in_its_gate_is_probed_and_a_proven_one_is_not(world):
    """The health test is run by us from the start of a container until it has passed once."""
    world.put(item("web", healthcheck={"test": "check"}))
    await world.becomes("starting", "web")
    ref = world.engine.named("web").id
    assert world.probes.watched.keys() == {ref}
    world.probes.results = {ref: Probe(passed=True)}
    world.loop.wake()
    await world.becomes("running", "web")
    assert world.probes.watched == {}


async def test_a_confirmation_holds_for_what_was_there_when_it_was_given(world):
    """Once a confirmed container is gone, or declared again, its name is guarded again like any other."""
    world.put(item("web"))
    await world.becomes("running", "web")
    world.loop.confirmed = frozenset({"web", "gone"})
    await world.passes()
    assert world.loop.confirmed == frozenset()


async def test_cancelling_drops_what_is_in_flight_and_the_next_loop_takes_it_up(store):
    """Ending in the middle of a switch stops nothing that runs; the next daemon finishes it from what it sees."""
    first = World(store)
    async with running(first):
        first.put(item("web"))
        await first.becomes("running", "web")
        first.engine.hold("rename web to web.prev")
        first.put(item("web", environment={"V": "2"}))
        await first.until(lambda: first.last.doing.get("web", "").startswith("retire"))
        first.engine.gates.clear()
    second = World(store)
    second.engine.containers = first.engine.containers
    second.engine._numbers = first.engine._numbers
    async with running(second):
        second.put(item("web", environment={"V": "2"}))
        await second.becomes("running", "web")
        assert dict(second.engine.named("web").spec.environment) == {"V": "2"}
        assert second.engine.names().keys() == {"web"}


# --- image names that move --------------------------------------------------------------------------------------------

MOVED = replace(RULES, moved_image="replace")
NEW_IMAGE = "sha256:new"


def good_revision(world):
    return world.store.names()["web"].good.hash


@asynccontextmanager
async def following(store):
    """A loop under ``moved_image: replace`` with one proven container, whose image name is about to move."""
    async with running(World(store)) as world:
        world.put(item("web"))
        await world.becomes("running", "web")
        assert "~" not in good_revision(world)
        world.loop.rules = MOVED
        await world.passes(2)
        yield world


async def test_turning_moved_images_on_remembers_the_good_ones_image_and_touches_nothing(store):
    """A memory that names no image is pinned to what runs, so that the name may move right afterwards."""
    async with following(store) as world:
        assert good_revision(world) == f"{item('web').hash}~stub:1"
        assert world.calls("create") == ["create web"]
        assert world.state("web") == "running"


async def test_a_moved_image_is_rolled_out_and_labels_name_the_spec_alone(store):
    """The container is replaced and proven, and its label would be the same under the other setting."""
    async with following(store) as world:
        world.engine.move("stub:1", NEW_IMAGE)
        await world.passes(2)
        await world.becomes("running", "web")
        live = world.engine.named("web")
        assert (live.image_id, live.labels["io.paunchd.hash"]) == (NEW_IMAGE, item("web").hash)
        assert good_revision(world) == f"{item('web').hash}~new"
        assert [name for name in world.engine.names() if name != "web"] == []


async def test_a_moved_image_that_fails_is_tried_once_and_few_questions_are_asked(store):
    """Rolled back to the old image, held there over many passes, and the engine is not asked at each of them."""
    async with following(store) as world:
        good = world.engine.named("web").id
        world.engine.behaviours[NEW_IMAGE] = Behaviour(refused_start="no such program")
        world.engine.move("stub:1", NEW_IMAGE)
        await world.passes(2)
        await world.becomes("rolled-back", "web")
        assert world.engine.named("web").id == good
        world.engine.calls.clear()
        await world.passes(20)
        assert len(world.calls("image_id")) <= 2
        assert world.calls("create", "start", "stop") == []
        world.loop.rules = RULES
        await world.passes(2)
        assert world.calls("create", "start", "stop") == []
        assert world.state("web") == "running"


async def test_while_the_engine_is_away_hashes_are_told_as_before(store):
    """What is shown of a name does not change its form only because the engine is away."""
    async with following(store) as world:
        before = world.last.desired.items["web"].hash
        world.engine.go_away()
        await world.until(lambda: world.last.engine != "ok")
        assert world.last.desired.items["web"].hash == before
