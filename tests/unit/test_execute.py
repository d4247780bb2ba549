import asyncio
from contextlib import closing
from dataclasses import replace

import pytest

from paunchd.engine.protocol import ExecResult
from paunchd.errors import Conflict, EngineUnavailable, NotFound, Rejected, StoreError
from paunchd.reconcile.evidence import EVIDENCE_LINES
from paunchd.reconcile.execute import Broke, CutShort, Done, Executor
from paunchd.reconcile.model import (
    Accept,
    CheckSources,
    ContainerState,
    Create,
    Kill,
    Lane,
    Pull,
    Read,
    Reason,
    RecordRead,
    RecordTask,
    Reject,
    Reload,
    Remove,
    Rename,
    RunExec,
    Start,
    Stop,
    Tell,
    Unpause,
    Update,
)
from paunchd.spec import NO_RESTART, Limits
from paunchd.store import Store
from tests.fakes.engine import Behaviour, FakeEngine
from tests.unit.places import spec

OWNER = "paunchd"
CREATE = Create("web.next", "web", "node", "v1:new", spec())
SWITCH = (
    Pull("stub:1"),
    CREATE,
    Update("web", restart=NO_RESTART),
    Rename("web", "web.prev", "retire"),
    Rename("web.next", "web", "promote"),
    Stop("web.prev", 10),
    Start("web"),
)


class Bench:
    """An executor with what it works on. *outdated_before* names the step before which the desired state changes."""

    def __init__(self, store):
        self.engine, self.store = FakeEngine(images={"stub:1"}), store
        self.done, self.outdated = [], False
        self.outdated_before = None
        self.executor = Executor(self.engine, store, OWNER, lambda _: self.outdated, self._doing)
        self.slots = asyncio.Semaphore(4)

    def _doing(self, lane, step):
        self.done.append(step)
        following = lane.steps[lane.steps.index(step) + 1 :]
        if following and following[0] is self.outdated_before:
            self.outdated = True

    async def make(self, engine_name, *, start=True, **keys):
        ref = await self.engine.create(engine_name, spec(**keys), {})
        if start:
            await self.engine.start(ref)
        self.engine.calls.clear()
        return ref

    async def run(self, *steps, name="web", revision="v1:new"):
        ids = {one.engine_name: one.id for one in self.engine.containers.values()}
        return await self.run_lane(Lane(name, Reason("new"), steps, revision, ids))

    async def run_lane(self, lane):
        return await self.executor.run(lane, self.slots)


@pytest.fixture
def bench(tmp_path):
    with closing(Store(tmp_path / "state.db")) as store:
        yield Bench(store)


async def test_a_switch_takes_its_steps_in_order_and_measures_the_time_nobody_ran(bench):
    """Prepared first, then renamed, and then only a stop and a start; only a switch has a downtime."""
    old = await bench.make("web")
    outcome = await bench.run(*SWITCH)
    assert isinstance(outcome, Done)
    assert outcome.downtime >= 0
    assert bench.done == list(SWITCH)
    assert bench.engine.calls == [
        "image_id stub:1",
        "create web.next",
        "update web",
        "rename web to web.prev",
        "rename web.next to web",
        "stop web.prev",
        "start web",
    ]
    assert bench.engine.named("web.prev").id == old
    assert bench.engine.names() == {"web.prev": ContainerState.EXITED, "web": ContainerState.RUNNING}


async def test_a_first_start_has_no_downtime(bench):
    """Where nothing was stopped nobody was away."""
    outcome = await bench.run(CREATE, Rename("web.next", "web", "promote"), Start("web"))
    assert outcome == Done(None)


READ = RecordRead("web", "web", "s1.new", {"nova.conf": "644:2"})


async def test_t091_a_reload_is_recorded_once_it_was_told(bench):
    """A signal or a command, then what has been read, of this very container (T-091)."""
    ref = await bench.make("web")
    assert await bench.run(Tell("web", "SIGHUP"), READ) == Done(None)
    assert bench.store.names()["web"].read == Read(ref, "s1.new", {"nova.conf": "644:2"})
    assert await bench.run(Reload("web", spec(user="nova"), ("kolla_set_configs",)), READ) == Done(None)
    assert bench.engine.calls == ["signal web SIGHUP", "exec web kolla_set_configs"]


@pytest.mark.parametrize("step", [Tell("web", "SIGHUP"), Reload("web", spec(), ("true",))])
async def test_t091_a_target_that_has_gone_down_is_no_failure(bench, step):
    """It reads its files when it starts (T-091)."""
    await bench.make("web", start=False)
    assert await bench.run(step, READ) == Done(None)
    assert await bench.run_lane(Lane("web", Reason("files-changed"), (step,), ids={"web": "gone"})) == Done(None)


@pytest.mark.parametrize(("code", "why"), [(3, "exit code 3"), (None, "it takes too long")])
async def test_a_reload_that_fails_is_not_recorded_as_read(bench, code, why):
    """It is refused, which is told, and its output and command are not."""
    await bench.make("web")
    bench.engine.execs["reload", "secret"] = ExecResult(code, "secret")
    outcome = await bench.run(Reload("web", spec(), ("reload", "secret")), READ)
    assert isinstance(outcome, Broke)
    assert (str(outcome.error), outcome.refused) == (f"cannot exec on_change in web: {why}", True)
    assert "web" not in bench.store.names()


async def test_t092_a_reload_that_could_not_be_recorded_is_told_again(bench):
    """The record comes after it, so that a crash in between costs a second signal and never the only one (T-092)."""
    await bench.make("web")
    bench.store._connection.execute("PRAGMA query_only=1")
    outcome = await bench.run(Tell("web", "SIGHUP"), READ)
    assert isinstance(outcome, Broke)
    assert outcome.step is READ
    assert bench.engine.calls == ["signal web SIGHUP"]


async def test_a_container_says_which_files_it_was_made_to_read(bench):
    """By a label; its hash is that of the definition alone, and one that reads none has no such label."""
    await bench.run(replace(CREATE, revision="v1:new+s1.old", files="s1.old"))
    labels = bench.engine.named("web.next").labels
    assert (labels["io.paunchd.hash"], labels["io.paunchd.files"]) == ("v1:new", "s1.old")


async def test_a_container_carries_whose_it_is_and_no_secret(bench):
    """Ownership, name, config, hash, kind and restart policy are labels; the definition is none (T-097)."""
    secret = Create("web.next", "web", "node", "v1:new", spec(environment={"PASSWORD": "hunter2"}))
    await bench.run(secret)
    assert bench.engine.named("web.next").labels == {
        "managed_by": OWNER,
        "config_id": "node",
        "container_name": "web",
        "io.paunchd.hash": "v1:new",
        "io.paunchd.kind": "container",
        "io.paunchd.restart": "always",
    }


@pytest.mark.parametrize(("image", "always", "calls"), [("stub:1", False, 1), ("new:1", False, 2), ("stub:1", True, 1)])
async def test_an_image_is_pulled_where_it_is_missing_or_always_wanted(bench, image, always, calls):
    """No pull for an image that is there, unless the definition says always (T-009)."""
    bench.engine.registry |= {"stub:1", "new:1"}
    assert await bench.run(Pull(image, always)) == Done(None)
    assert len(bench.engine.calls) == calls
    assert (f"pull {image}" in bench.engine.calls) == (always or image == "new:1")


@pytest.mark.parametrize("number", range(len(SWITCH)))
async def test_a_lane_is_cut_short_only_before_its_live_container_is_touched(bench, number):
    """A change that comes while a version is prepared ends its lane; a switch once begun is finished."""
    await bench.make("web")
    bench.outdated = number == 0
    bench.outdated_before = SWITCH[number]
    outcome = await bench.run(*SWITCH)
    if number <= SWITCH.index(Update("web", restart=NO_RESTART)):
        assert outcome == CutShort(SWITCH[number])
        assert bench.done == list(SWITCH[:number])
        assert bench.engine.names()["web"] is ContainerState.RUNNING
    else:
        assert isinstance(outcome, Done)


@pytest.mark.parametrize(
    "step", [Start("web"), Stop("web", 10), Kill("web", "late"), Unpause("web"), Rename("web", "web.prev", "retire")]
)
async def test_a_step_touches_the_container_it_was_planned_for_and_never_a_namesake(bench, step):
    """Between plan and step somebody removes the container and takes its name: that one is left alone (S-18)."""
    ours = await bench.make("web")
    lane = Lane("web", Reason("new"), (step,), "v1:new", {"web": ours})
    await bench.engine.remove(ours)
    theirs = await bench.make("web")
    bench.engine.pause("web")
    outcome = await bench.run_lane(lane)
    assert isinstance(outcome, Broke)
    assert isinstance(outcome.error, NotFound)
    assert bench.engine.named("web").id == theirs
    assert bench.engine.names() == {"web": ContainerState.PAUSED}


async def test_removing_what_is_gone_already_is_done(bench):
    """Somebody was faster, and gone is what was wanted; their new container of that name stays."""
    ours = await bench.make("web")
    lane = Lane("web", Reason("orphaned"), (Remove("web"),), "", {"web": ours})
    await bench.engine.remove(ours)
    await bench.make("web")
    assert await bench.run_lane(lane) == Done(None)
    assert bench.engine.names().keys() == {"web"}


async def test_a_step_for_what_was_not_there_is_an_error_that_names_it(bench):
    """A lane that speaks of a container it has no id for breaks, and guesses nothing."""
    outcome = await bench.run(Start("web"))
    assert isinstance(outcome, Broke)
    assert "cannot find container web" in str(outcome.error)


@pytest.mark.parametrize(
    ("verb", "steps", "error", "refused"),
    [
        ("create", (CREATE,), Rejected("invalid"), True),
        ("create", (CREATE,), NotFound("no such image"), False),
        ("create", (CREATE,), Conflict("the name is taken"), False),
        ("create", (CREATE,), EngineUnavailable("500"), False),
        ("start", (Start("web"),), Rejected("no such program"), True),
        ("start", (Start("web"),), EngineUnavailable("timeout"), False),
        ("update", (Update("web", limits=Limits(memory=1)),), Rejected("too little memory"), True),
        ("update", (Update("web", restart=NO_RESTART), Start("web")), Rejected("no such policy"), False),
        ("rename", (Rename("web", "web.prev", "retire"),), Rejected("invalid"), False),
        ("image_id", (Pull("stub:1"),), EngineUnavailable("500"), False),
    ],
)
async def test_only_what_is_refused_to_be_made_started_or_set_is_refused(bench, verb, steps, error, refused):
    """A registry that is down, a taken name or an engine in trouble are mishaps and condemn nothing (S-10).

    Nor does a policy that was only to be set on the way.
    """
    await bench.make("web", start=False)
    bench.engine.fail_next(verb, error)
    assert await bench.run(*steps) == Broke(steps[0], error, refused)


async def test_a_lane_stops_at_the_step_that_breaks(bench):
    """What comes after it is not tried, and the old container is as it was."""
    await bench.make("web")
    bench.engine.fail_next("create", EngineUnavailable("500"))
    outcome = await bench.run(*SWITCH)
    assert outcome.step == CREATE
    assert bench.done == list(SWITCH[:2])
    assert bench.engine.names() == {"web": ContainerState.RUNNING}


async def test_a_missing_bind_source_names_container_and_path(bench, tmp_path):
    """Each path that is not there is named; where all are, nothing is said (T-047, T-048)."""
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.mkdir()
    outcome = await bench.run(CheckSources("web", (str(there), str(gone))))
    assert isinstance(outcome, Broke)
    assert str(outcome.error) == f"cannot prepare web: bind source missing on this host: {gone}"
    assert not outcome.refused
    assert not gone.exists()
    assert await bench.run(CheckSources("web", (str(there),))) == Done(None)


async def test_a_store_that_refuses_breaks_the_lane(bench):
    """What could not be remembered must not be acted upon."""
    bench.store._connection.execute("PRAGMA query_only=1")
    await bench.make("web")
    outcome = await bench.run(Accept("web", "v1:new", spec()), Stop("web", 10))
    assert isinstance(outcome, Broke)
    assert isinstance(outcome.error, StoreError)
    assert bench.engine.names()["web"] is ContainerState.RUNNING


async def test_a_rejection_is_stored_with_what_an_operator_wants_to_see(bench):
    """The last lines of its log, how it ended and the plan are kept before anything is done about it."""
    lines = "".join(f"line {number}\n" for number in range(EVIDENCE_LINES + 50))
    bench.engine.behaviours["stub:1"] = Behaviour(output=lines)
    await bench.make("web", restart="no")
    bench.engine.exit("web", 3, oom=True)
    reject = Reject("web", "v1:new", "exited", "exited with code 3", "web")
    assert isinstance(await bench.run(reject), Done)
    (evidence,) = bench.store.evidence("web")
    assert evidence["logs"].splitlines()[0] == "line 50"
    assert len(evidence["logs"].splitlines()) == EVIDENCE_LINES
    assert (evidence["exit_code"], evidence["oom_killed"], evidence["restart_count"]) == (3, True, 0)
    assert "reject v1:new of web: exited with code 3" in evidence["plan"]
    assert bench.store.names()["web"].rejected == {"v1:new": "exited with code 3"}


@pytest.mark.parametrize("missing", [{"logs"}, {"inspect"}, {"logs", "inspect"}])
async def test_evidence_that_cannot_be_had_stops_no_verdict(bench, missing):
    """A log driver that cannot be read back, or a container just gone, leaves its part out."""
    await bench.make("web")
    for verb in missing:
        bench.engine.fail_next(verb, Rejected("configured logging driver does not support reading"))
    assert isinstance(await bench.run(Reject("web", "v1:new", "deadline", "not healthy", "web")), Done)
    (evidence,) = bench.store.evidence("web")
    assert ("exit_code" in evidence) == ("inspect" not in missing)


async def test_a_revision_that_was_never_made_is_rejected_without_evidence(bench):
    """What the engine refused to create left no container to ask."""
    assert isinstance(await bench.run(Reject("web", "v1:new", "refused", "invalid", "")), Done)
    assert bench.store.evidence("web")[0].keys() == {"hash", "cause", "plan", "at"}
    assert not bench.engine.calls


async def test_a_task_is_recorded_with_its_output_and_its_container(bench):
    """How it ended, what it said and in which container, so that another container is another attempt (T-027)."""
    bench.engine.behaviours["stub:1"] = Behaviour(exits=5, output="no database\n")
    ref = await bench.make("sync", restart="no")
    steps = (RecordTask("sync", "sync", "v1:new", 5, succeeded=False), Remove("sync"))
    assert isinstance(await bench.run(*steps, name="sync"), Done)
    result = bench.store.names()["sync"].results["v1:new"]
    assert (result.succeeded, result.exit_code, result.container_id) == (False, 5, ref)
    assert bench.store._select("SELECT output FROM results", ()) == [("no database\n",)]
    assert not bench.engine.containers


@pytest.mark.parametrize(
    ("ran", "exit_codes", "succeeded", "cause"),
    [
        (ExecResult(0, "done"), [0], True, ""),
        (ExecResult(2, "done"), [0, 2], True, ""),
        (ExecResult(9, "why"), [0], False, ""),
        (ExecResult(0, "odd"), [1], False, ""),
        (ExecResult(None, "slow"), [0, 137], False, "still running after 5 s"),
    ],
)
async def test_an_exec_is_recorded_by_its_exit_code(bench, ran, exit_codes, succeeded, cause):
    """Listed codes are success, everything else and a time-out are not (T-032, T-121)."""
    ref = await bench.make("keystone")
    bench.engine.execs["refresh",] = ran
    command = spec(action="exec", command=["keystone", "refresh"], exit_codes=exit_codes, timeout_seconds=5, image="")
    step = RunExec("refresh", "keystone", ref, "v1:new@v1:target", command)
    assert isinstance(await bench.run(step, name="refresh"), Done)
    result = bench.store.names()["refresh"].results["v1:new@v1:target"]
    assert (result.succeeded, result.cause) == (succeeded, cause)
    assert bench.engine.calls == ["exec keystone refresh"]


async def test_an_exec_whose_target_is_gone_breaks_and_is_not_recorded(bench):
    """Not done is not failed: it runs again once its target is there (T-057)."""
    ref = await bench.make("keystone")
    command = spec(action="exec", command=["keystone", "refresh"], image="")
    step = RunExec("refresh", "keystone", ref, "key", command)
    await bench.engine.remove(ref)
    outcome = await bench.run(step, name="refresh")
    assert isinstance(outcome.error, NotFound)
    assert "refresh" not in bench.store.names()


async def test_only_so_many_lanes_work_on_the_engine_at_once_and_what_may_last_takes_no_slot(bench):
    """Pulls and execs of many names wait for nobody; creates and starts do, for each other."""
    bench.slots = asyncio.Semaphore(2)
    busy, most = set(), []

    class Watched(FakeEngine):
        async def _called(self, verb, what=""):
            busy.add((verb, what))
            await asyncio.sleep(0.001)
            most.append((verb, sum(1 for other, _ in busy if other == verb)))
            busy.discard((verb, what))
            await super()._called(verb, what)

    bench.engine = Watched(images={"stub:1"}, registry={f"i{number}" for number in range(8)})
    bench.executor._engine = bench.engine
    names = [f"c{number}" for number in range(8)]
    lanes = [
        Lane(name, Reason("new"), (Pull(f"i{number}"), Create(name, name, "node", "v1:a", spec()), Start(name)))
        for number, name in enumerate(names)
    ]
    outcomes = await asyncio.gather(*(bench.run_lane(lane) for lane in lanes))
    assert outcomes == [Done(None)] * 8
    assert max(count for verb, count in most if verb == "pull") > 2
    assert max(count for verb, count in most if verb in ("create", "start")) <= 2


async def test_a_stop_that_takes_its_grace_lends_its_slot_to_who_waits(bench, monkeypatch):
    """One container that ends slowly does not hold up the other lanes, and gets its slot back for the rest (S-08)."""
    monkeypatch.setattr("paunchd.reconcile.execute.LEND_AFTER_SECONDS", 0.01)
    ended, stop = asyncio.Event(), bench.engine.stop

    async def stop_slowly(ref, grace_seconds):
        await ended.wait()
        await stop(ref, grace_seconds)

    await bench.make("web")
    await bench.make("db")
    monkeypatch.setattr(bench.engine, "stop", stop_slowly)
    bench.slots = asyncio.Semaphore(1)
    slow = asyncio.create_task(bench.run(Stop("web", 10), Start("web")))
    await asyncio.sleep(0)
    assert isinstance(await bench.run(Kill("db", "too late"), name="db"), Done)
    assert not slow.done()
    ended.set()
    assert isinstance(await slow, Done)
    assert not bench.slots.locked()
