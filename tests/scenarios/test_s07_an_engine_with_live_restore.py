"""S-07: the engine restarts and leaves its containers running."""

import pytest

from tests.scenarios.engines import own_engine
from tests.scenarios.scenario import FOREIGN, service

pytestmark = pytest.mark.engine

NAMES = ("web", "db", FOREIGN)
CHECKED = {"healthcheck": {"test": "exit 0", "interval": "1s"}}


def test_s07_with_live_restore_no_container_is_restarted(tmp_path, owner):
    """Nothing is started, stopped or made because the engine was away, not even what is on trial or has a health test;
    what was changed meanwhile is done afterwards.
    """
    with own_engine(tmp_path, owner, "--live-restore") as own:
        scenario = own.scenario
        with scenario.step("a good container runs, and one is on trial") as node:
            node.start()
            node.write("app", {"web": service(**CHECKED), "db": service()})
            node.proves()
            on_trial = service(environment={"V": "2"}, rollout={"probation_seconds": 4, "max_restarts": 0}, **CHECKED)
            node.write("app", {"web": service(**CHECKED), "db": on_trial})
            node.becomes("proving", "db")
            before = {name: (node.id(name), node.started_at(name)) for name in NAMES}
            starts = {name: node.actions(name).count("start") for name in NAMES}
        own.restart_engine(meanwhile=lambda node: node.write("late", {"late": service()}))
        with scenario.step("what was declared meanwhile is there") as node:
            node.eventually(lambda: node.running("late"))
        with scenario.step("all goes on to its end, and no container has been restarted") as node:
            node.proves()
            assert {name: (node.id(name), node.started_at(name)) for name in NAMES} == before
            assert {name: node.actions(name).count("start") for name in NAMES} == starts
            assert all(node.inspect(name)["RestartCount"] == 0 for name in NAMES)
            assert node.log("revision_rejected") == []
        scenario.holds()
