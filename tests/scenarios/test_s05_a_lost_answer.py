"""S-05: the engine has done what it was asked for, and its answer is lost."""

import pytest

from tests.functional.faults import Fault, What, When
from tests.scenarios.scenario import FOREIGN, service, task

pytestmark = pytest.mark.engine

NAMES = ("a", "b", "c", "d", "e", "f")


def lost(call):
    """The answer to the first such call."""
    return Fault(1, What.CUT, When.AFTER, on=call)


@pytest.mark.parametrize("definition", [service(), task("echo done")], ids=["container", "task"])
def test_s05_a_create_whose_answer_is_lost_makes_one_container(scenario, definition):
    """The engine has made the container and the daemon never heard so: it is found by its name and used."""
    with scenario.step("a node without containers runs") as node:
        node.start()
    with scenario.step("something is declared, and the answer to its create is lost") as node:
        scenario.proxy.arm(lost("create"))
        node.write("app", {"web": definition})
        node.eventually(scenario.proxy.fired.is_set)
    with scenario.step("it comes up, was made once, and nothing else is there") as node:
        node.proves()
        assert [node.actions("web").count(action) for action in ("create", "start")] == [1, 1]
        assert node.ps().keys() == {"web", FOREIGN}
    scenario.holds()


def test_s05_in_a_replacement_any_answer_can_be_lost(scenario):
    """Made, stopped, renamed, started or removed without the daemon's knowing: it looks, and goes on from there."""
    with scenario.step("six good containers run") as node:
        node.start()
        node.write("app", {name: service() for name in NAMES})
        node.proves()
        old = node.ids()
    with scenario.step("all are replaced, and of each another answer is lost") as node:
        a, d, e = (node.full(name) for name in "ade")
        calls = (
            f"create.*name={a}.next",
            f"/{old['b']}/update",
            f"/{old['c']}/stop",
            f"/rename.*name={d}.prev",
            f"/rename.*name={e}$",
            f"^DELETE /containers/{old['f']}",
        )
        scenario.proxy.arm(*(lost(call) for call in calls))
        node.write("app", {name: service(environment={"V": "2"}) for name in NAMES})
    with scenario.step("each is replaced by one new container, and nothing is left over") as node:
        node.proves()
        assert all(scenario.proxy.seen(call) for call in calls)
        assert node.ps().keys() == {*NAMES, FOREIGN}
        # While c is put off, its old container comes up once more, and what was made for the switch goes.
        assert all(node.actions(name).count("create") == 2 for name in NAMES if name != "c")
        assert all("V=2" in node.inspect(name)["Config"]["Env"] for name in NAMES)
        assert all(node.detail(name)["rejected"] == [] for name in NAMES)
    scenario.holds()
