"""S-20: a cycle, a dependency that is not there and a task that fails, in a set of twenty."""

import pytest

from tests.scenarios.scenario import service, task

pytestmark = pytest.mark.engine

CYCLE = {"hen": ["egg"], "egg": ["nest"], "nest": ["hen"]}
FINE = [f"fine{number}" for number in range(12)]
ALL = {
    **{name: service(depends_on=others) for name, others in CYCLE.items()},
    "chick": service(depends_on=["egg"]),
    "orphan": service(depends_on=["nobody"]),
    "sync": task("exit 1"),
    "api": service(depends_on={"sync": {"condition": "completed"}}),
    "agent": service(depends_on=["api"]),
    **{name: service() for name in FINE},
}


def test_s20_only_what_cannot_begin_is_blocked_and_says_by_whom(scenario):
    """Members of a cycle, who waits for nobody and who waits for a failed task are named with their reasons; all others
    come up, and once the set is mended so do they (T-111).
    """
    assert len(ALL) == 20
    with scenario.step("a set of twenty is declared, of which eight cannot begin") as node:
        node.start()
        node.write("app", ALL)
    with scenario.step("the others come up"):
        node.becomes("running", *FINE)
        node.becomes("failed", "sync")
        node.becomes("blocked", "chick", "api", "agent")
        assert node.ps().keys() == {*FINE, "sync", "foreign"}
    with scenario.step("the members of the cycle say who they are"):
        for name in CYCLE:
            reason = node.row(name)["reason"]
            assert node.state(name) == "failed"
            assert "depends on itself" in reason
            assert all(node.full(member) in reason for member in CYCLE)
    with scenario.step("whoever waits says for whom"):
        blocked_by = {name: node.row(name)["blocked_by"] for name in ("chick", "orphan", "api", "agent")}
        assert blocked_by == {
            "chick": [node.full("egg")],
            "orphan": [node.full("nobody")],
            "api": [node.full("sync")],
            "agent": [node.full("api")],
        }
        assert node.full("nobody") in node.row("orphan")["reason"]
        assert "exit code 1" in node.row("sync")["reason"]
        assert "paunchctl retry" in node.row("sync")["reason"]
    with scenario.step("nobody does anything more"):
        before = node.ids()
        node.passes(2)
        assert node.ids() == before
        assert node.actions("sync").count("start") == 1
    with scenario.step("the set is mended, and all come up"):
        mended = {"hen": service(), "orphan": service(), "sync": task("exit 0")}
        node.write("app", ALL | mended)
        node.proves()
        assert {name: node.id(name) for name in FINE} == {name: before[name] for name in FINE}
    scenario.holds()
