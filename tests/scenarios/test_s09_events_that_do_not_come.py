"""S-09: a stream of events that falls silent, loses many, says everything twice or in the wrong order."""

import pytest

from tests.functional.faults import Harm, Harmed
from tests.scenarios.scenario import FOREIGN, service

pytestmark = pytest.mark.engine

NAMES = ("web", "db", "cache")
LOST = 300
ENDS = ("lane_done", "lane_broke", "lane_cut_short", "lane_crashed")


def good_ones(scenario):
    with scenario.step("three good containers run") as node:
        node.start()
        node.write("app", {name: service() for name in NAMES})
        node.proves()


def much_happens(scenario):
    with scenario.step("one is stopped by hand, one removed, one replaced, one declared") as node:
        scenario.destroyed_by_hand(node.id("db"))
        node.by_hand("POST", "web", "stop?t=0")
        node.by_hand("DELETE", "db?force=1")
        node.write("app", {**{name: service() for name in ("web", "db")}, "cache": service(environment={"V": "2"})})
        node.write("late", {"late": service()})


def all_is_repaired(scenario):
    with scenario.step("everything is as declared, and was done once, by one lane of a name at a time") as node:
        node.proves()
        assert node.ps().keys() == {*NAMES, "late", FOREIGN}
        assert [node.actions(name).count("create") for name in (*NAMES, "late")] == [1, 2, 2, 1]
        check_one_lane_a_name(node)
    scenario.holds()


def check_one_lane_a_name(node):
    open_ = set()
    for line in node.log():
        if line["event"] == "lane_began":
            assert line["name"] not in open_, f"a second lane of {line['name']} began"
            open_.add(line["name"])
        elif line["event"] in ENDS:
            open_.discard(line["name"])


@pytest.mark.parametrize("harm", list(Harm), ids=lambda harm: harm.value)
def test_s09_whatever_happens_to_the_events_all_is_repaired(scenario, harm):
    """Where the stream says nothing, everything twice, or the last thing first, the next look finds what is so."""
    good_ones(scenario)
    with scenario.step(f"from now on events come as in: {harm.value}"):
        harmed = Harmed(harm)
        scenario.proxy.harm(harmed)
    much_happens(scenario)
    with scenario.step("there were events that it happened to") as node:
        node.eventually(lambda: harmed.count > len(NAMES))
    all_is_repaired(scenario)


def test_s09_three_hundred_lost_events_are_made_up_for(scenario):
    """Among them are the only signs of what a person did."""
    good_ones(scenario)
    with scenario.step("three hundred events get lost, the last of them those of our containers") as node:
        lost = Harmed(Harm.LOSE, LOST)
        scenario.proxy.harm(lost)
        for number in range(LOST - 10):
            to = "elsewhere" if number % 2 == 0 else FOREIGN
            node.by_hand("POST", FOREIGN if to == "elsewhere" else "elsewhere", f"rename?name={node.full(to)}")
        node.eventually(lambda: lost.count >= LOST - 10)
    much_happens(scenario)
    with scenario.step("all three hundred were lost") as node:
        node.eventually(lambda: lost.count == LOST)
    all_is_repaired(scenario)


def test_s09_a_stream_that_is_cut_is_asked_for_again(scenario):
    """What happened while nobody listened is found as well."""
    good_ones(scenario)
    with scenario.step("every connection to the engine breaks"):
        scenario.proxy.cut_all()
    much_happens(scenario)
    with scenario.step("the stream is there again") as node:
        node.eventually(lambda: scenario.proxy.seen("^GET /events") >= 2)
    all_is_repaired(scenario)
