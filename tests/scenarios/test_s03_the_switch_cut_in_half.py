"""S-03: between its two renames nobody has the name."""

from dataclasses import dataclass

import pytest

from tests.functional.faults import Fault, What, When
from tests.scenarios.scenario import running_script, service

pytestmark = pytest.mark.engine

RENAME = "^POST .*/rename$"
BESIDE = {"strategy": "start-first"}


@dataclass(frozen=True)
class Cut:
    """At call *rename* of its kind the daemon dies, and *left* is what stands beside the name that nobody has."""

    rename: int
    when: When
    left: str
    upgrade: dict
    value: str
    rollout: dict

    def __str__(self):
        return f"{self.left} is left{' by start-first' if self.rollout else ''}"


CUTS = [
    Cut(1, When.AFTER, "web.next", service(environment={"V": "2"}), "2", {}),
    Cut(2, When.BEFORE, "web.next", service(environment={"V": "2"}), "2", BESIDE),
    Cut(3, When.BEFORE, "web.prev", running_script("exit 3", restart="no"), "1", {}),
]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_s03_a_name_that_nobody_has_is_back_in_the_first_pass(scenario, cut):
    """Killed between the rename away and the rename in, forward or back, the next daemon needs one look."""
    rollout = {"rollout": cut.rollout} if cut.rollout else {}
    with scenario.step("a good container runs") as node:
        node.start()
        node.write("app", {"web": service(environment={"V": "1"}, **rollout)})
        node.proves()
    with scenario.step("the daemon is killed while nobody has its name") as node:
        scenario.proxy.arm(Fault(cut.rename, What.KILL, cut.when, on=RENAME))
        node.write("app", {"web": {**cut.upgrade, **rollout}})
        node.eventually(lambda: node.ended and scenario.proxy.fired.is_set())
        assert "web" not in node.ps()
        assert cut.left in node.ps()
    with scenario.step("the next daemon can look once, and no second time: the name is back and runs") as node:
        scenario.proxy.arm(Fault(2, What.HANG, on="^GET /containers/json$"))
        node.start()
        node.eventually(lambda: node.running("web"))
        assert f"V={cut.value}" in node.inspect("web")["Config"]["Env"]
    with scenario.step("it looks again, and brings to its end what was begun") as node:
        scenario.proxy.calm()
        node.becomes("running" if cut.value == "2" else "rolled-back", "web")
        node.eventually(lambda: not node.leftovers())
    scenario.holds(at_once=2 if cut.rollout else 1, settled=cut.value == "2")


def test_s03_a_rename_that_fails_halfway_is_made_up_for_by_the_same_daemon(scenario):
    """An engine that refuses the second rename for a while leaves the name with nobody, and nothing else is made."""
    with scenario.step("a good container runs") as node:
        node.start()
        node.write("app", {"web": service()})
        node.proves()
    with scenario.step("its upgrade gets as far as the first rename") as node:
        scenario.proxy.arm(*(Fault(number, What.ANSWER, on=RENAME, status=503) for number in (2, 3)))
        node.write("app", {"web": service(environment={"V": "2"})})
        node.eventually(lambda: scenario.proxy.seen(RENAME) >= 2)
        assert node.actions("web").count("create") == 2
    with scenario.step("once the engine does it, the new container has the name") as node:
        node.proves()
        assert "V=2" in node.inspect("web")["Config"]["Env"]
        assert node.actions("web").count("create") == 2
        assert node.detail("web")["rejected"] == []
    scenario.holds()
