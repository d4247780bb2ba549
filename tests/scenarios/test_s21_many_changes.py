"""S-21: definitions that change while they are being carried out."""

import pytest

from tests.functional.proxy import Fault, What
from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

VERSIONS = 50
CALLS = ["create", "policy", "retire", "promote", "stop", "start"]


def version(number):
    return {"web": service(environment={"V": str(number)})}


def lanes(node):
    """The beginnings and ends of all that was done, in their order, of each name."""
    told = {}
    for line in node.log():
        if line["event"] in ("lane_began", "lane_done", "lane_broke", "lane_cut_short"):
            told.setdefault(line["name"], []).append(line["event"] == "lane_began")
    return told


def never_two_lanes(node):
    for began in lanes(node).values():
        assert began == [True, False] * (len(began) // 2)


def test_s21_the_last_of_fifty_versions_wins(scenario):
    """However fast they follow each other, one lane works on the name at a time, and the last version stays."""
    with scenario.step("a good container runs") as node:
        node.start()
        node.write("app", version(0))
        node.proves()
    with scenario.step("fifty versions are written, faster than any of them can be rolled out"):
        for number in range(1, VERSIONS + 1):
            node.write("app", version(number))
            node.passes(1)
    with scenario.step("the last one runs, nothing is left of the others, and most were never made"):
        node.proves()
        assert f"V={VERSIONS}" in node.inspect("web")["Config"]["Env"]
        assert node.ps().keys() == {"web", "foreign"}
        assert node.actions("web").count("create") < VERSIONS
        never_two_lanes(node)
    scenario.holds()


def in_the_middle(scenario, number, what):
    """Let *what* happen while the engine is about to do the call *number* of a replacement."""
    node = scenario.node
    scenario.proxy.arm(Fault(number, What.DELAY, seconds=60))
    node.write("app", version("2"))
    node.eventually(lambda: len(scenario.proxy.counted()) >= number)
    what()
    node.eventually(node.knows_the_directory)
    scenario.proxy.calm()


def test_s21_a_file_deleted_in_mid_replacement_leaves_nothing_behind(scenario):
    """At whatever call of the replacement it goes, so does everything of its container, the kept one as well."""
    with scenario.step("a node runs") as node:
        node.start()
    for number, call in enumerate(CALLS, start=1):
        with scenario.step(f"a good container is replaced, and its file goes before the {call}"):
            node.write("app", version("1"))
            node.proves()
            in_the_middle(scenario, number, lambda: node.delete("app"))
        with scenario.step("nothing of it is left"):
            node.eventually(lambda: node.ps().keys() == {"foreign"})
            node.settles()
    never_two_lanes(node)
    scenario.holds()


def test_s21_a_change_taken_back_in_mid_replacement_ends_where_it_began(scenario):
    """At whatever call of the replacement it is taken back, the very container that was good runs in the end."""
    with scenario.step("a good container runs") as node:
        node.start()
        node.write("app", version("1"))
        node.proves()
        good = node.id("web")
    for number, call in enumerate(CALLS, start=1):
        with scenario.step(f"it is replaced, and that is taken back before the {call}"):
            in_the_middle(scenario, number, lambda: node.write("app", version("1")))
        with scenario.step("it is the one that runs, and nothing of the other is left"):
            node.proves()
            assert node.ps().keys() == {"web", "foreign"}
            assert node.id("web") == good
    never_two_lanes(node)
    scenario.holds()
