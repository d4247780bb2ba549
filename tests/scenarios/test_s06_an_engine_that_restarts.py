"""S-06: the engine restarts, and with it all containers exit."""

import pytest

from tests.scenarios.engines import own_engine
from tests.scenarios.scenario import FOREIGN, service

pytestmark = pytest.mark.engine

NEW = ("first", "second")
ON_TRIAL = service(environment={"V": "2"}, rollout={"probation_seconds": 5, "max_restarts": 0})


def declare_two_in_order(node):
    node.write("later", {"first": service(), "second": service(start_order=1)})


def test_s06_a_restart_of_the_engine_is_nobodys_failure(tmp_path, owner):
    """What the engine starts itself is left to it; no version is rejected for it, no kept container resurrected, and
    what was declared meanwhile begins in its order (T-067).
    """
    with own_engine(tmp_path, owner) as own:
        scenario = own.scenario
        with scenario.step("a good container runs, and another is on trial with no restart allowed") as node:
            node.start()
            node.write("app", {"web": service(), "db": service()})
            node.proves()
            node.write("app", {"web": service(), "db": ON_TRIAL})
            node.becomes("proving", "db")
            before = node.ids()
            assert "db.prev" in before
        own.restart_engine(meanwhile=declare_two_in_order)
        with scenario.step("what is not ours is as the engine has left it") as node:
            node.eventually(lambda: node.running("web") and node.running("db"))
            assert node.id(FOREIGN) == before[FOREIGN]
            assert not node.running(FOREIGN)
            node.by_hand("POST", FOREIGN, "start")
            scenario.foreign_is_well()
        with scenario.step("everyone is as before, and the kept one rests") as node:
            node.eventually(lambda: node.running("second"))
            now = node.ids()
            assert (now["web"], now["db"]) == (before["web"], before["db"])
            assert not node.running("db.prev")
        with scenario.step("what was declared meanwhile has begun in its order") as node:
            began = {name: [one.at for one in node.happenings(name) if one.action == "start"] for name in NEW}
            assert began["first"][0] < began["second"][0]
        with scenario.step("the one on trial is proven, and nothing was held against anybody") as node:
            node.proves()
            assert node.id("db") == before["db"]
            assert node.log("revision_rejected") == []
            assert [node.actions(name).count("create") for name in ("web", "db")] == [1, 2]
        scenario.holds()
