"""An image name that comes to mean another image: told by default, and under ``replace`` rolled out and taken back."""

from dataclasses import dataclass

import pytest
from stub_image import SERVICE, Recipe, build

from tests.functional.node import service

pytestmark = pytest.mark.engine

FAILS = "echo the new image fails; exit 3"


@dataclass(frozen=True)
class Name:
    """An image name that a test moves from image to image; no registry knows it."""

    url: str
    image: str

    def mean(self, version: str, script: str = SERVICE) -> None:
        changes = [f'CMD ["/bin/sh", "-c", "{script}"]']
        build(self.url, [self.image], Recipe(files={"/version": version.encode()}, changes=changes))


@pytest.fixture
def name(engine_url, stub_image, owner):
    made = Name(engine_url, f"paunchd.test/{owner}:1")
    made.mean("one")
    return made


def good_one(node, name, **keys):
    """Bring up what the name means at first; return its container's id and since when it runs."""
    node.write("app", {"web": service(name.image, **keys)})
    node.proves()
    return node.id("web"), node.started_at("web")


def version(node):
    return node.run_in("web", "cat", "/version").strip()


def test_by_default_it_is_told_and_the_container_is_left_alone(started, name):
    """The reason says what has happened, and nothing else does (T-020)."""
    good = good_one(started, name)
    name.mean("two")
    started.eventually(lambda: "means another image" in started.row("web")["reason"])
    started.passes(3)
    assert (started.id("web"), started.started_at("web")) == good
    assert started.row("web")["settled"]


def test_under_replace_the_container_is_replaced(make_node, name):
    """The new image goes through the ordinary rollout, and is what is good afterwards."""
    node = make_node(rollout__moved_image="replace")
    node.start()
    good, _ = good_one(node, name)
    name.mean("two")
    node.eventually(lambda: node.running("web") and node.id("web") != good)
    node.proves()
    assert version(node) == "two"
    told = {event["event"]: event["detail"] for event in node.history("web")}
    assert told["config-changed"] == "image moved"
    row = node.row("web")
    assert row["running_hash"] == row["desired_hash"]
    assert row["reason"] == ""
    assert node.inspect("web")["Config"]["Labels"]["io.paunchd.hash"] == row["desired_hash"].partition("~")[0]
    node.check_never_two_running()


def rolled_back(make_node, name):
    """Let a moved image fail; return the node and the id of the container that was good, and is back."""
    node = make_node(rollout__moved_image="replace")
    node.start()
    good, _ = good_one(node, name, restart="no")
    name.mean("two", FAILS)
    node.becomes("rolled-back", "web")
    node.eventually(lambda: node.id("web") == good and node.running("web"))
    return node, good


def test_a_moved_image_that_fails_gives_way_to_the_old_one_until_the_name_moves_again(make_node, name):
    """The very container that was good comes back, though its name means another image now and no registry has it."""
    node, good = rolled_back(make_node, name)
    assert version(node) == "one"
    creates = node.actions("web").count("create")
    node.restart()
    node.passes(3)
    assert (node.state("web"), node.id("web")) == ("rolled-back", good)
    assert node.actions("web").count("create") == creates
    name.mean("three")
    node.eventually(lambda: node.state("web") == "running" and node.id("web") != good)
    node.proves()
    assert version(node) == "three"


def test_a_good_container_that_is_lost_is_made_again_from_its_old_image(make_node, name):
    """Removed by hand while rolled back, it is made from the image's id: its name means what failed."""
    node, good = rolled_back(make_node, name)
    node.by_hand("DELETE", "web?force=1")
    node.eventually(lambda: "web" in node.ps() and node.running("web") and node.id("web") != good)
    node.becomes("rolled-back", "web")
    assert version(node) == "one"


def test_turning_it_on_and_off_touches_nothing(node, name):
    """No container is restarted for the setting alone, and what was good stays good."""
    node.start()
    good = good_one(node, name)
    for word in ("replace", "report", "replace"):
        node.configure(rollout__moved_image=word)
        node.restart()
        node.passes(3)
        assert (node.id("web"), node.started_at("web")) == good
        assert node.state("web") == "running"
    assert node.actions("web").count("create") == 1


def test_a_definition_can_ask_for_it_alone(started, name):
    """`rollout: {moved_image: replace}` counts for its own container, and the neighbour is only told."""
    started.write(
        "app",
        {
            "web": service(name.image, rollout={"moved_image": "replace", "strategy": "start-first"}),
            "neighbour": service(name.image),
        },
    )
    started.proves()
    before = started.id("neighbour")
    name.mean("two")
    started.eventually(lambda: started.running("web") and version(started) == "two")
    started.proves()
    assert started.id("neighbour") == before
    assert "means another image" in started.row("neighbour")["reason"]
