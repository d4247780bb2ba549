"""S-05: a create whose answer was lost."""

import pytest

from tests.functional.faults import Fault, What, When
from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine


def test_s05_a_create_whose_answer_is_lost_makes_one_container(scenario):
    """The engine has made the container and the daemon never heard so: it is found by its name and used."""
    with scenario.step("a node without containers runs") as node:
        node.start()
    with scenario.step("a container is declared, and the answer to its create is lost") as node:
        scenario.proxy.arm(Fault(1, What.CUT, When.AFTER))
        node.write("app", {"web": service()})
        node.eventually(scenario.proxy.fired.is_set)
    with scenario.step("it comes up, and was made once") as node:
        node.proves()
        assert node.actions("web").count("create") == 1
        assert node.ps().keys() == {"web", "foreign"}
    scenario.holds()
