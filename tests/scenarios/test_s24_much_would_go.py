"""S-24: most of what a node runs is no longer declared."""

import pytest

from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

FILES = ("one", "two", "three", "four")
MOST = FILES[:3]


def declare(node, *configs):
    for config in configs:
        node.write(config, {f"{config}-{letter}": service() for letter in "abc"})


def named(configs):
    return [f"{config}-{letter}" for config in configs for letter in "abc"]


def vanish(node, *configs):
    for config in configs:
        node.delete(config)
    node.becomes("held", *named(configs))


def test_s24_removals_are_held_when_much_would_go(scenario):
    """Nothing goes before a person says so, what to do is told, and files that come back cost nothing."""
    with scenario.step("twelve good containers of four files run") as node:
        node.start()
        declare(node, *FILES)
        node.proves()
        before = node.ids()
    with scenario.step("more than half of them are no longer declared, and nothing goes"):
        vanish(node, *MOST)
        node.passes()
        assert node.ids() == before
    with scenario.step("each says what to do"):
        assert all("paunchctl confirm-removals" in node.row(name)["reason"] for name in named(MOST))
        assert all("bring their files back" in node.row(name)["reason"] for name in named(MOST))
        assert node.metric("paunchd_held_removals") == len(named(MOST))
    with scenario.step("all of them vanish, and the next daemon takes nothing either"):
        vanish(node, *(set(FILES) - set(MOST)))
        node.becomes("held", *before.keys() - {"foreign"})
        node.restart()
        node.becomes("held", *before.keys() - {"foreign"})
        node.passes()
        assert node.ids() == before
    with scenario.step("the files come back, and all is as it was"):
        declare(node, *FILES)
        node.proves()
        assert node.ids() == before
    with scenario.step("most vanish again; a person says so, and exactly that goes"):
        vanish(node, *MOST)
        node.confirm_removals()
        left = {name: id_ for name, id_ in before.items() if name not in named(MOST)}
        node.eventually(lambda: node.ids() == left)
    scenario.holds()
