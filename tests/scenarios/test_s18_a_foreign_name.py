"""S-18: somebody else's container takes a name, before it is needed or in the moment it is."""

import pytest

from tests.functional.proxy import Fault, What
from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

CREATE = 1


def taken_before(scenario, number, engine_name):
    """Let somebody's container take *engine_name* right before the engine has the call *number*; return its id."""
    scenario.node.eventually(lambda: len(scenario.proxy.counted()) >= number)
    foreign = scenario.node.make_foreign(engine_name, managed_by="ceph")
    scenario.proxy.calm()
    return foreign


def is_a_conflict(scenario, engine_name, foreign, since):
    """The foreign container is untouched, its name is told, and what to do about it."""
    node = scenario.node
    node.becomes("conflict", "web")
    node.passes()
    assert (node.id(engine_name), node.started_at(engine_name)) == (foreign, since)
    assert node.full(engine_name) in node.row("web")["reason"]
    assert "remove or rename it" in node.row("web")["reason"]
    assert node.state("db") == "running"


def test_s18_a_foreign_container_has_the_name(scenario):
    """It keeps its name and its life, the rest of the node goes on, and once it is gone the conflict is over (T-015,
    T-113).
    """
    with scenario.step("somebody's container runs under a name that will be needed") as node:
        foreign = node.make_foreign("web", managed_by="ceph")
        since = node.started_at("web")
        node.start()
    with scenario.step("two containers are declared, and one of them is a conflict"):
        node.write("app", {"web": service(), "db": service()})
        node.becomes("running", "db")
        is_a_conflict(scenario, "web", foreign, since)
    with scenario.step("the foreign one goes, and all come up"):
        node.by_hand("DELETE", "web?force=1")
        node.proves()
    scenario.holds()


def test_s18_a_foreign_container_takes_the_name_between_plan_and_call(scenario):
    """What was free when it was planned is taken when it is done: the engine refuses, and nothing is lost."""
    with scenario.step("a node with one container runs") as node:
        node.start()
        node.write("other", {"db": service()})
        node.proves()
    with scenario.step("a container is declared, and its name is taken in the moment it is needed"):
        scenario.proxy.arm(Fault(CREATE, What.DELAY, seconds=60))
        node.write("app", {"web": service()})
        foreign = taken_before(scenario, CREATE, "web")
        is_a_conflict(scenario, "web", foreign, node.started_at("web"))
    with scenario.step("the foreign one goes, and it comes up by itself"):
        node.by_hand("DELETE", "web?force=1")
        node.proves()
    scenario.holds()


def test_s18_a_foreign_container_takes_the_place_of_a_prepared_one(scenario):
    """Where the next one cannot be made beside it, the good container runs on untouched."""
    with scenario.step("two good containers run") as node:
        node.start()
        node.write("app", {"web": service(), "db": service()})
        node.proves()
        good = node.id("web"), node.started_at("web")
    with scenario.step("one of them is changed, and somebody takes the name of the prepared one"):
        scenario.proxy.arm(Fault(CREATE, What.DELAY, seconds=60))
        node.write("app", {"web": service(environment={"V": "2"}), "db": service()})
        foreign = taken_before(scenario, CREATE, "web.next")
        is_a_conflict(scenario, "web.next", foreign, node.started_at("web.next"))
    with scenario.step("the good one has noticed nothing"):
        assert (node.id("web"), node.started_at("web")) == good
    with scenario.step("the foreign one goes, and the change goes through"):
        node.by_hand("DELETE", "web.next?force=1")
        node.proves()
        assert node.id("web") != good[0]
    scenario.holds()
