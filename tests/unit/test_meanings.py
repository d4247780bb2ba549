"""What image names mean now: for nothing from the list, and else by few questions."""

import pytest

from paunchd.errors import EngineUnavailable
from paunchd.reconcile.meanings import ASKED_SECONDS, Meanings
from paunchd.reconcile.model import ContainerState, Health, Listed
from tests.fakes.engine import FakeEngine


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def row(image, image_id):
    return Listed("id", "web", image, image_id, {}, ContainerState.RUNNING, Health.NONE)


@pytest.fixture
def engine():
    return FakeEngine(images={"stub:1", "stub:2"})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def meanings(engine, clock):
    return Meanings(engine, clock)


async def test_a_name_that_a_container_shows_is_known_without_asking(engine, meanings):
    """Anybody's container will do, and an image that has a container is there."""
    known = await meanings.of({"stub:1", "sha256:a"}, [row("stub:1", "sha256:b"), row("sha256:a", "sha256:a")])
    assert (known["stub:1"], known["sha256:a"]) == ("sha256:b", "sha256:a")
    assert engine.calls == []


async def test_nothing_is_asked_where_nothing_is_wanted(engine, meanings):
    """A node that only tells of moved images costs no call."""
    assert await meanings.of(set(), [row("sha256:a", "sha256:a")]) == {}
    assert engine.calls == []


async def test_the_rest_is_asked_once_for_all_and_not_at_every_look(engine, clock, meanings):
    """However many passes there are, a name costs one call in a while; one that is not here means nothing."""
    for _ in range(5):
        known = await meanings.of({"stub:1", "gone:1"}, [row("sha256:a", "sha256:a")] * 9)
        clock.now += ASKED_SECONDS / 10
    assert (known["stub:1"], known["gone:1"]) == ("sha256:stub:1", "")
    assert engine.calls == ["image_id gone:1", "image_id stub:1"]
    clock.now += ASKED_SECONDS
    await meanings.of({"stub:1"}, [])
    assert engine.calls[2:] == ["image_id stub:1"]


async def test_it_is_asked_again_once_something_may_have_changed(engine, meanings):
    """A lane that has pulled, for one, makes old answers worthless."""
    await meanings.of({"stub:1"}, [])
    engine.move("stub:1", "sha256:new")
    meanings.forget()
    assert (await meanings.of({"stub:1"}, []))["stub:1"] == "sha256:new"


async def test_containers_that_disagree_about_a_name_are_not_believed(engine, meanings):
    """Some engines show the name of the day a container was made: then the engine itself is asked."""
    listed = [row("stub:1", "sha256:a"), row("stub:1", "sha256:b")]
    assert (await meanings.of({"stub:1"}, listed))["stub:1"] == "sha256:stub:1"


async def test_an_engine_that_does_not_tell_leaves_what_it_told_last(engine, clock, meanings):
    """One image nobody answers for costs no look; what is not known is left out."""
    await meanings.of({"stub:1"}, [])
    clock.now += ASKED_SECONDS
    engine.fail_next("image_id", EngineUnavailable("500"), EngineUnavailable("500"))
    known = await meanings.of({"stub:1", "stub:2"}, [])
    assert known == {"stub:1": "sha256:stub:1"}
