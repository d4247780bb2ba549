"""What every engine does, the fake and the real one alike."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from paunchd.engine import DockerEngine, Engine, ExecResult
from paunchd.engine.protocol import LogWish
from paunchd.errors import Conflict, EngineUnavailable, NotFound, Rejected
from paunchd.reconcile.model import ContainerState, Health
from paunchd.spec import ContainerSpec, Limits, RestartPolicy
from tests.fakes.engine import Behaviour, FakeEngine

ABSENT = "127.0.0.1:1/paunchd.test/absent:1"
FAILING = ("sh", "-c", "echo broken; exit 3")
UNSTARTABLE = ("/nowhere/to/be/found",)
FAILING_TEST = ("sh", "-c", "echo sick; exit 4")


@dataclass
class Subject:
    """An engine under test, and what makes containers in it that are gone when the test is."""

    engine: Engine
    image: str
    owner: str

    async def create(self, name: str, **keys) -> str:
        spec = ContainerSpec(**{"image": self.image, "net": "none", "stop_grace_period": 5, **keys})
        return await self.engine.create(f"{self.owner}-{name}", spec, {"managed_by": self.owner})

    async def started(self, name: str, **keys) -> str:
        ref = await self.create(name, **keys)
        await self.engine.start(ref)
        return ref

    async def state(self, ref: str) -> ContainerState | None:
        return next((one.state for one in await self.engine.list() if one.id == ref), None)

    async def reaches(self, ref: str, state: ContainerState) -> None:
        async with asyncio.timeout(10):
            while await self.state(ref) is not state:  # noqa: ASYNC110 - an engine has nothing to wait for
                await asyncio.sleep(0.02)


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine(
        images={"stub"},
        behaviours={
            FAILING: Behaviour(exits=3, output="broken\n"),
            UNSTARTABLE: Behaviour(refused_start="no such file or directory"),
        },
        execs={
            FAILING_TEST: ExecResult(4, "sick\n"),
            ("sleep", "60"): ExecResult(None, ""),
            UNSTARTABLE: ExecResult(126, "no such file or directory"),
        },
    )


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.engine)])
async def subject(request) -> AsyncIterator[Subject]:
    if request.param == "fake":
        yield Subject(request.getfixturevalue("fake"), "stub", "nobody")
        return
    owner, url = request.getfixturevalue("owner"), request.getfixturevalue("engine_url")
    image = request.getfixturevalue("stub_image")
    engine = DockerEngine(url, call_timeout_seconds=10)
    yield Subject(engine, image, owner)
    rest = [one.id for one in await engine.list() if one.labels.get("managed_by") == owner]
    for ref in rest:
        with contextlib.suppress(NotFound):
            await engine.remove(ref)
    await engine.close()


async def test_a_created_container_is_listed_with_its_name_labels_and_image(subject):
    """What is created is listed at once, created but not running, under the name it was given."""
    ref = await subject.create("web", labels={"tier": "front"})
    [one] = [one for one in await subject.engine.list() if one.id == ref]
    assert one.engine_name == f"{subject.owner}-web"
    assert one.labels == {"managed_by": subject.owner, "tier": "front"}
    assert one.image == subject.image
    assert one.image_id.startswith("sha256:")
    assert (one.state, one.health) == (ContainerState.CREATED, Health.NONE)


async def test_our_labels_win_over_the_definitions(subject):
    """A definition cannot claim another owner."""
    ref = await subject.create("web", labels={"managed_by": "somebody else"})
    [one] = [one for one in await subject.engine.list() if one.id == ref]
    assert one.labels["managed_by"] == subject.owner


async def test_a_taken_name_is_a_conflict(subject):
    """Two containers cannot have one name, whoever asks."""
    await subject.create("web")
    with pytest.raises(Conflict, match=f"cannot create {subject.owner}-web: "):
        await subject.create("web")


async def test_an_absent_image_is_not_found_when_creating(subject):
    """An image that is not here is not the specification's fault."""
    with pytest.raises(NotFound, match=r"cannot create .*No such image"):
        await subject.create("web", image=ABSENT)


async def test_images_are_known_or_not(subject):
    """An image is asked for by name or id, and a name that is none is absent."""
    image_id = await subject.engine.image_id(subject.image)
    assert image_id.startswith("sha256:")
    assert await subject.engine.image_id(image_id) == image_id
    assert await subject.engine.image_id(ABSENT) == ""
    assert await subject.engine.image_id("No:::Name") == ""


async def test_a_container_tells_the_id_of_its_image_and_can_be_made_from_it(subject):
    """The list says the same id that the name means, and an id is as good as a name to create from."""
    image_id = await subject.engine.image_id(subject.image)
    ref = await subject.create("web", image=image_id)
    [one] = [one for one in await subject.engine.list() if one.id == ref]
    assert (one.image, one.image_id) == (image_id, image_id)


async def test_an_image_that_cannot_be_pulled_is_not_found(subject):
    """Whatever the registry's excuse, the image cannot be had (T-007)."""
    with pytest.raises(NotFound, match=f"cannot pull image {ABSENT}: "):
        await subject.engine.pull(ABSENT)


async def test_starting_runs_it_and_starting_again_changes_nothing(subject):
    """A second start finds it running and leaves it alone."""
    ref = await subject.started("web")
    began = (await subject.engine.inspect(ref)).started_at
    await subject.engine.start(ref)
    assert await subject.state(ref) is ContainerState.RUNNING
    details = await subject.engine.inspect(ref)
    assert (details.started_at, details.state) == (began, ContainerState.RUNNING)


async def test_what_cannot_be_started_is_rejected(subject):
    """A command that is not in the image is the specification's fault, whatever status the engine answers."""
    ref = await subject.create("web", command=list(UNSTARTABLE))
    with pytest.raises(Rejected, match=f"cannot start {ref[:12]}.*: .*no such file"):
        await subject.engine.start(ref)


async def test_a_task_that_ends_leaves_its_exit_code_and_output(subject):
    """How a one-shot ended is told by inspecting it, what it said by its logs."""
    ref = await subject.started("task", command=list(FAILING), detach=False)
    await subject.reaches(ref, ContainerState.EXITED)
    details = await subject.engine.inspect(ref)
    assert (details.state, details.exit_code) == (ContainerState.EXITED, 3)
    assert (details.oom_killed, details.restart_count) == (False, 0)
    assert await subject.engine.logs(ref, 10) == "broken\n"
    assert [piece async for piece in pieces_of(subject.engine, ref, tail=10)] == [b"", b"broken\n"]
    assert [piece async for piece in pieces_of(subject.engine, ref, tail=0)] == [b""]


def pieces_of(engine, ref, *, tail=None, follow=False):
    return engine.log_pieces(ref, LogWish(tail, follow))


async def test_stopping_is_done_once_and_asked_for_any_number_of_times(subject):
    """A container that does not run is stopped already, also one that never ran; no verb needs a flag (T-011)."""
    ref = await subject.create("web")
    grace = (await subject.engine.inspect(ref)).grace_seconds
    assert grace == 5
    await subject.engine.stop(ref, grace)
    await subject.engine.start(ref)
    await subject.engine.stop(ref, grace)
    await subject.engine.stop(ref, grace)
    assert await subject.state(ref) is ContainerState.EXITED
    assert (await subject.engine.inspect(ref)).exit_code == 0


async def test_killing_gives_no_grace_and_may_come_too_late(subject):
    """A killed container has exit code 137; killing one that does not run does nothing."""
    ref = await subject.started("web")
    await subject.engine.kill(ref)
    await subject.reaches(ref, ContainerState.EXITED)
    await subject.engine.kill(ref)
    assert (await subject.engine.inspect(ref)).exit_code == 137


async def test_a_signal_reaches_what_runs_and_is_refused_by_what_does_not(subject):
    """The main process gets it and decides what it means; a container that has ended is told so (T-091)."""
    ref = await subject.started("web")
    await subject.engine.signal(ref, "SIGWINCH")
    assert (await subject.engine.inspect(ref)).state is ContainerState.RUNNING
    await subject.engine.kill(ref)
    await subject.reaches(ref, ContainerState.EXITED)
    with pytest.raises(Conflict):
        await subject.engine.signal(ref, "SIGHUP")
    with pytest.raises(NotFound):
        await subject.engine.signal("no-such-container", "SIGHUP")


async def test_unpausing_what_is_not_paused_does_nothing(subject):
    """Whoever unpauses wants it to go on, and it does."""
    ref = await subject.started("web")
    await subject.engine.unpause(ref)
    assert await subject.state(ref) is ContainerState.RUNNING


async def test_a_running_container_is_removed_too(subject):
    """Removal is carried out: it stops first what still runs (T-010)."""
    ref = await subject.started("web")
    await subject.engine.remove(ref)
    assert await subject.state(ref) is None


async def test_renaming_frees_the_old_name(subject):
    """A retired container makes room for its successor."""
    old = await subject.create("web")
    await subject.engine.rename(old, f"{subject.owner}-web.prev")
    new = await subject.create("web")
    names = {one.id: one.engine_name for one in await subject.engine.list()}
    assert names[old] == f"{subject.owner}-web.prev"
    assert names[new] == f"{subject.owner}-web"


async def test_renaming_to_a_taken_name_is_a_conflict_and_to_its_own_is_rejected(subject):
    """Neither changes a name."""
    ref = await subject.create("web")
    await subject.create("other")
    with pytest.raises(Conflict, match="cannot rename"):
        await subject.engine.rename(ref, f"{subject.owner}-other")
    with pytest.raises(Rejected, match="cannot rename"):
        await subject.engine.rename(ref, f"{subject.owner}-web")


async def test_updating_changes_only_what_is_given(subject):
    """A restart policy and a limit change on the living container, and nothing else does."""
    ref = await subject.started("web", mem_limit="64m", cpu_shares=7)
    began = (await subject.engine.inspect(ref)).started_at
    await subject.engine.update(ref, RestartPolicy("on-failure", 3), Limits(memory=128 * 2**20))
    await subject.engine.update(ref, None, None)
    details = await subject.engine.inspect(ref)
    assert details.restart == RestartPolicy("on-failure", 3)
    assert (details.limits.memory, details.limits.cpu_shares) == (128 * 2**20, 7)
    assert details.started_at == began


async def test_a_command_runs_inside_and_its_end_is_told(subject):
    """Exit code and output of a command in a container are its result."""
    ref = await subject.started("web")
    assert await subject.engine.run_exec(ref, ["true"]) == ExecResult(0, "")
    assert await subject.engine.run_exec(ref, FAILING_TEST) == ExecResult(4, "sick\n")


async def test_a_command_that_cannot_be_run_has_exit_code_126(subject):
    """It is a result and no error, as a shell has it."""
    ref = await subject.started("web")
    ran = await subject.engine.run_exec(ref, UNSTARTABLE)
    assert ran.exit_code == 126
    assert "no such file or directory" in ran.output


async def test_a_command_that_takes_too_long_has_no_exit_code(subject):
    """Running out of time is told apart from every exit code there is."""
    ref = await subject.started("web")
    ran = await subject.engine.run_exec(ref, ["sleep", "60"], timeout_seconds=0.2)
    assert ran.exit_code is None
    assert ran.timed_out


async def test_no_command_runs_in_a_stopped_container(subject):
    """A target that does not run is a conflict: it may run later (T-057)."""
    ref = await subject.create("web")
    with pytest.raises(Conflict, match=f"cannot run a command in {ref[:12]}.*: "):
        await subject.engine.run_exec(ref, ["true"])


@pytest.mark.parametrize("verb", ["inspect", "start", "kill", "unpause", "remove"])
async def test_what_is_not_there_is_not_found(subject, verb):
    """A container that is gone is an error, never an empty answer that looks like success (T-012)."""
    with pytest.raises(NotFound, match=f"cannot {verb} gone-for-good: "):
        await getattr(subject.engine, verb)("gone-for-good")


async def test_what_is_not_there_is_not_found_by_the_other_calls_either(subject):
    """The same holds for calls that take more than a name."""
    engine, gone = subject.engine, "gone-for-good"
    for call in (
        engine.stop(gone, 5),
        engine.rename(gone, "other-name"),
        engine.update(gone, RestartPolicy("no"), None),
        engine.run_exec(gone, ["true"]),
        engine.logs(gone, 5),
        anext(pieces_of(engine, gone)),
    ):
        with pytest.raises(NotFound, match=rf"cannot .* {gone}: "):
            await call


async def test_each_change_of_a_container_is_an_event(subject):
    """Whoever listens hears of a creation, a start and an end by the container's labels, and never what it was; and
    first of all that something may have been before.
    """
    events = subject.engine.events()
    async with asyncio.timeout(5):
        assert await anext(events) == {}
    heard = asyncio.create_task(anext(events))
    ref = await subject.create("web")
    async with asyncio.timeout(5):
        assert (await heard)["managed_by"] == subject.owner
        await subject.engine.start(ref)
        assert (await anext(events))["managed_by"] == subject.owner
    await events.aclose()


async def test_listening_ends_promptly_when_it_is_cancelled(subject):
    """Nobody waits for the next event when the daemon ends."""

    async def listen() -> None:
        async for _ in subject.engine.events():
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    listening.cancel()
    async with asyncio.timeout(0.5):
        with pytest.raises(asyncio.CancelledError):
            await listening


async def test_an_engine_that_is_away_is_unavailable_to_every_call(fake):
    """Away is one class of error whatever was asked, for the fake and for a socket nobody listens on."""
    fake.go_away()
    nowhere = DockerEngine("unix:///nonexistent/docker.sock", call_timeout_seconds=1)
    spec = ContainerSpec(image="stub")
    for engine in (fake, nowhere):
        for call in (
            engine.list(),
            engine.inspect("x"),
            engine.image_id("x"),
            engine.pull("x"),
            engine.create("web", spec, {}),
            engine.start("x"),
            engine.stop("x", 5),
            engine.remove("x"),
            engine.run_exec("x", ["true"]),
            engine.logs("x", 1),
            anext(pieces_of(engine, "x")),
            anext(engine.events()),
        ):
            with pytest.raises(EngineUnavailable, match=r"^cannot "):
                await call
    await nowhere.close()
