from dataclasses import replace

import pytest

from paunchd.errors import EngineUnavailable
from paunchd.labels import Identity, labels_of
from paunchd.reconcile.model import ContainerState, Desired, Health, Probe, Slot
from paunchd.reconcile.observe import ON_TRIAL_A_SECOND, ON_TRIAL_SECONDS, UNSEEN_SECONDS, Observer, Wish
from tests.fakes.engine import FakeEngine
from tests.unit.places import item, spec

OWNER = "paunchd"
NOTHING = Desired(1, {})


class Clock:
    """Stands still unless it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def engine():
    return FakeEngine(images={"stub:1"})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def observer(engine, clock):
    return Observer(engine, OWNER, clock)


class LateList(FakeEngine):
    """An engine whose list tells what was so when it was ``taken``."""

    def __init__(self):
        super().__init__(images={"stub:1"})
        self.taken = None

    async def list(self):
        return self.taken or await super().list()


async def make(engine, engine_name, *, name=None, owner=OWNER, start=True):
    """Let a container be there, as this owner's or another's, and return its id."""
    who = Identity(name or engine_name, "node", "v1:a", "container", "always")
    ref = await engine.create(engine_name, spec(), labels_of(who, owner))
    if start:
        await engine.start(ref)
    return ref


async def look(observer, *, desired=NOTHING, probes=None, **wish):
    return await observer.look(await observer.list(), Wish(**wish), desired, probes or {})


async def calls_of(engine, observer, **keys):
    """The calls that one look makes."""
    engine.calls.clear()
    await look(observer, **keys)
    return engine.calls


async def test_a_hundred_unchanged_containers_cost_one_list_call_and_no_inspect(engine, observer):
    """What is known of a container is still true while nothing about it has changed (T-074)."""
    for number in range(100):
        await make(engine, f"c{number}")
    first = await look(observer)
    assert await calls_of(engine, observer) == ["list"]
    assert (await look(observer)).names == first.names


async def test_a_container_is_seen_with_everything_that_is_known_of_it(engine, observer):
    """Labels, state and details of one container come together under its declared name and slot."""
    live = await make(engine, "web")
    kept = await make(engine, "web.prev", name="web", start=False)
    seen = (await look(observer)).of("web")
    assert (seen.live.id, seen.live.hash, seen.live.config_id) == (live, "v1:a", "node")
    assert (seen.live.slot, seen.live.state) == (Slot.LIVE, ContainerState.RUNNING)
    assert str(seen.live.details.restart) == "always"
    assert (seen.prev.id, seen.prev.slot, seen.prev.state) == (kept, Slot.PREV, ContainerState.CREATED)


async def test_a_renamed_container_is_a_stray_of_its_name(engine, observer):
    """Whose it is tell its labels and not its engine name, so renaming hides nothing (S-17)."""
    ref = await make(engine, "by-hand", name="web")
    seen = (await look(observer)).of("web")
    assert [stray.id for stray in seen.strays] == [ref]
    assert seen.live is None


async def test_what_changes_between_two_looks_is_seen_wherever_it_shows(engine, observer, clock):
    """What is kept of a look counts for the very same row and details only."""
    ref = await make(engine, "web")
    await look(observer)
    engine.named("web").restart_count = 3
    observer.heard(["web"])
    assert (await look(observer)).of("web").live.details.restart_count == 3
    await engine.rename(ref, "web.prev")
    seen = (await look(observer)).of("web")
    assert (seen.live, seen.prev.id, seen.prev.details.restart_count) == (None, ref, 3)


async def test_only_what_is_new_or_has_changed_its_state_is_inspected(engine, observer):
    """A container that ends is inspected for how it ended, its neighbours are not."""
    for name in ("web", "db"):
        await make(engine, name)
    await look(observer)
    engine.named("web").restart = replace(engine.named("web").restart, name="no")
    engine.exit("web", 3)
    new = await make(engine, "new")
    assert await calls_of(engine, observer) == ["list", "inspect web", "inspect new"]
    assert (await look(observer)).of("web").live.details.exit_code == 3
    assert (await look(observer)).of("new").live.id == new


async def test_what_a_lane_has_worked_on_is_inspected_once(engine, observer):
    """A lane may change what no list shows, a restart policy for one."""
    for name in ("web", "db"):
        await make(engine, name)
    await look(observer)
    observer.touched("web")
    assert await calls_of(engine, observer) == ["list", "inspect web"]
    assert await calls_of(engine, observer) == ["list"]


async def test_what_the_engine_told_of_is_inspected_once(engine, observer):
    """An engine restarts a container between two looks without a trace in its list."""
    await make(engine, "web")
    await make(engine, "db")
    await look(observer)
    engine.exit("web", 1)
    observer.heard(["web", "nobody"])
    assert await calls_of(engine, observer, on_trial=["web", "db"], left_alone=["web"]) == ["list"]
    assert await calls_of(engine, observer, on_trial=["web", "db"]) == ["list", "inspect web"]
    assert (await look(observer)).of("web").live.details.restart_count == 1
    assert await calls_of(engine, observer, on_trial=["web", "db"]) == ["list"]


async def test_nobody_is_sure_of_what_was_not_inspected_since_the_list(engine, observer, clock):
    """A verdict is for how they do now, all of them; what cannot change by itself is as it was."""
    for name in ("web", "db"):
        await make(engine, name)
    await make(engine, "sync", start=False)
    everyone = {"web", "db", "sync", "nobody"}
    await look(observer)
    assert observer.unsure(everyone) == set()
    clock.now += 1
    observer.heard(["web"])
    await look(observer)
    assert observer.unsure(everyone) == {"db"}


async def test_a_closer_look_is_at_what_is_up_and_asks_for_no_list(engine, observer, clock):
    """Everything else stays as the look found it; afterwards everybody is sure."""
    await make(engine, "web")
    await make(engine, "web.prev", name="web", start=False)
    await make(engine, "db")
    await look(observer)
    clock.now += 1
    before = await look(observer)
    engine.exit("web", 1)
    engine.calls.clear()
    seen = await observer.closer({"web"})
    assert engine.calls == ["inspect web"]
    assert seen.of("web").live.details.restart_count == 1
    assert (seen.of("web").prev, seen.of("db"), seen.at) == (before.of("web").prev, before.of("db"), before.at)
    assert observer.unsure({"web", "db"}) == {"db"}


async def test_a_closer_look_ends_where_the_engine_does_not_answer(engine, observer, clock):
    """What cannot be asked about is unseen, and nobody waits to be sure of it."""
    await make(engine, "web")
    await look(observer)
    clock.now += 1
    await look(observer)
    engine.fail_next("inspect", EngineUnavailable("cannot inspect web: timeout"))
    seen = await observer.closer({"web"})
    assert seen.unseen == {"web"}
    assert observer.unsure({"web"}) == set()


async def test_what_is_on_trial_is_inspected_now_and_then_and_not_at_every_look(engine, observer, clock):
    """What the engine told may have been lost; yet a storm of wakes costs no storm of inspects."""
    await make(engine, "web")
    await make(engine, "db")
    await look(observer)
    clock.now += ON_TRIAL_SECONDS - 0.1
    assert await calls_of(engine, observer, on_trial=["web"]) == ["list"]
    clock.now += 0.1
    engine.exit("web", 1)
    assert await calls_of(engine, observer, on_trial=["web"]) == ["list", "inspect web"]
    assert (await look(observer)).of("web").live.details.restart_count == 1


async def test_very_many_on_trial_are_inspected_less_often(engine, observer, clock):
    """As many inspects a second are enough as an engine has time for while it still starts the rest; what has ended
    is not among them.
    """
    crowd = [f"c{number}" for number in range(int(2 * ON_TRIAL_SECONDS * ON_TRIAL_A_SECOND))]
    for name in crowd:
        await make(engine, name)
    await make(engine, "ended", start=False)
    await look(observer)
    everyone = [*crowd, "ended"]
    clock.now += 2 * ON_TRIAL_SECONDS - 0.1
    assert await calls_of(engine, observer, on_trial=everyone) == ["list"]
    clock.now += 0.1
    assert len(await calls_of(engine, observer, on_trial=everyone)) == 1 + len(crowd)


@pytest.mark.parametrize("state", ["created", "exited", "paused"])
async def test_what_cannot_change_by_itself_is_not_inspected_again_for_its_trial(engine, observer, clock, state):
    """A task that has ended stays on trial for as long as it is declared, and costs nothing."""
    await make(engine, "sync", start=state != "created")
    engine.named("sync").state = ContainerState(state)
    await look(observer)
    clock.now += 10 * ON_TRIAL_SECONDS
    assert await calls_of(engine, observer, on_trial=["sync"]) == ["list"]


async def test_of_a_name_left_alone_what_is_known_is_told_and_the_rest_is_asked_afterwards(engine, observer):
    """An engine answers nothing about a container that it is just starting, and no other name waits for that."""
    await make(engine, "web")
    await make(engine, "db")
    before = await look(observer)
    new = await make(engine, "web.next", name="web", start=False)
    engine.exit("web", 3)
    observer.touched("web")
    observer.forget_all()
    assert await calls_of(engine, observer, left_alone=["web"]) == ["list", "inspect db"]
    assert (await look(observer, left_alone=["web"])).of("web") == before.of("web")
    assert await calls_of(engine, observer) == ["list", "inspect web", "inspect web.next"]
    seen = (await look(observer)).of("web")
    assert (seen.next.id, seen.live.details.restart_count) == (new, 1)


async def test_forgetting_inspects_everything_once(engine, observer):
    """The slow resync finds what was changed by hand and shows in no list."""
    for name in ("web", "db"):
        await make(engine, name)
    await look(observer)
    observer.forget_all()
    assert await calls_of(engine, observer) == ["list", "inspect web", "inspect db"]
    assert await calls_of(engine, observer) == ["list"]


async def test_containers_of_others_are_never_inspected_nor_seen(engine, observer):
    """Without our label, or with another owner's, a container is nobody's business (T-015, T-113)."""
    await make(engine, "theirs", owner="ceph")
    engine.containers[await make(engine, "bare")].labels = {}
    assert await calls_of(engine, observer) == ["list"]
    assert (await look(observer)).names == {}


async def test_a_foreign_container_in_a_declared_place_is_seen_as_such(engine, observer):
    """Whoever has the name, or that of the prepared or the kept one, is told apart from ours (T-015)."""
    desired = Desired(1, {"web": item("web"), "db": item("db")})
    await make(engine, "web", owner="ceph")
    await make(engine, "web.next", owner="ceph")
    await make(engine, "elsewhere", owner="ceph")
    observed = await look(observer, desired=desired)
    assert observed.of("web").foreign == ("web", "web.next")
    assert observed.of("web").live is None
    assert observed.names.keys() == {"web"}


async def test_a_container_that_vanishes_between_list_and_inspect_is_not_there(engine, observer):
    """Somebody was faster; that is no error, and the others are seen (T-037)."""
    await make(engine, "db")
    ref = await make(engine, "web")

    def vanish(call):
        if call == "inspect web":
            engine.containers.pop(ref, None)

    engine.before_call = vanish
    assert (await look(observer)).names.keys() == {"db"}


async def test_an_engine_that_does_not_answer_is_an_error_and_never_an_empty_node(engine, observer):
    """A failed list raises: what is not known is not dead (T-012)."""
    await make(engine, "web")
    engine.fail_next("list", EngineUnavailable("cannot list containers: 500"))
    with pytest.raises(EngineUnavailable):
        await look(observer)
    assert (await look(observer)).names.keys() == {"web"}


async def test_health_and_probes_come_with_the_look(engine, observer):
    """Health is in the list and needs no inspect; probes are handed on as they are."""
    ref = await make(engine, "web")
    await look(observer)
    engine.set_health("web", Health.UNHEALTHY)
    probes = {ref: Probe(passed=False)}
    observed = await look(observer, probes=probes)
    assert observed.of("web").live.health is Health.UNHEALTHY
    assert observed.probes == probes
    assert "inspect" not in engine.calls[-1]


async def test_one_container_that_does_not_answer_costs_no_other_its_look(engine, observer, clock):
    """A name whose inspect fails is unseen for a while, never absent, and is asked about again later (S-08)."""
    await make(engine, "sick")
    await make(engine, "web")
    engine.fail_next("inspect", EngineUnavailable("cannot inspect sick: no answer in time"))
    observed = await look(observer)
    assert observed.unseen == {"sick"}
    assert observed.of("web").live is not None
    assert not [call for call in await calls_of(engine, observer) if call.startswith("inspect")]
    clock.now += UNSEEN_SECONDS
    observed = await look(observer)
    assert observed.unseen == frozenset()
    assert observed.of("sick").live is not None


async def test_a_start_that_was_under_way_when_the_list_was_taken_is_seen_as_started(clock):
    """The engine answers an inspect once the start is over: whoever went by the list would run a second copy (I2)."""
    engine = LateList()
    ref = await make(engine, "web", start=False)
    engine.taken = await engine.list()
    observer = Observer(engine, OWNER, clock)
    await engine.start(ref)
    assert (await look(observer)).of("web").live.running


async def test_a_list_that_is_behind_is_asked_about_until_it_is_not(clock):
    """While list and inspect differ every look inspects, and what the inspect says counts; then it is known again."""
    engine = LateList()
    ref = await make(engine, "web")
    observer = Observer(engine, OWNER, clock)
    await look(observer)
    engine.taken = await engine.list()
    await engine.stop(ref, 10)
    observer.touched("web")
    assert not (await look(observer)).of("web").live.running
    assert not (await look(observer)).of("web").live.running
    engine.taken = None
    assert await calls_of(engine, observer) == ["list"]


async def test_who_asks_for_a_look_at_everything_takes_nothing_from_the_one_under_way(engine, observer):
    """What has just been inspected is not taken for gone, or it would be made a second time; the next look is anew."""
    await make(engine, "web")
    await look(observer)
    await make(engine, "db")
    inspected = []

    def ask_meanwhile(call):
        if call.startswith("inspect"):
            inspected.append(call)
            observer.forget_all()

    engine.before_call = ask_meanwhile
    seen = await look(observer)
    assert seen.names.keys() == {"web", "db"}
    assert inspected == ["inspect db"]
    engine.before_call = inspected.append
    await look(observer)
    assert {"inspect web", "inspect db"} <= set(inspected)
