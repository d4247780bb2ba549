"""What scenarios look at in the end can fail: each invariant, broken by hand, is reported."""

import pytest

from tests.scenarios.scenario import FOREIGN, SECRET, service

pytestmark = pytest.mark.engine


@pytest.fixture
def good(scenario):
    """A scenario whose node has one proven container."""
    scenario.node.start()
    scenario.node.write("app", {"web": service()})
    scenario.node.proves()
    yield scenario
    scenario.over = True


def lose_the_good_one(scenario):
    """As if the daemon had removed it: nobody says that it was done by hand."""
    before = scenario.node.id("web")
    scenario.node.by_hand("DELETE", "web?force=1")
    scenario.node.eventually(lambda: scenario.node.id("web") not in ("", before))
    scenario.node.proves()


def run_a_second_copy(scenario):
    labels = {**scenario.node.inspect("web")["Config"]["Labels"], "managed_by": "nobody"}
    scenario.node.make_foreign("copy", **labels)
    scenario.node.eventually(lambda: "start" in scenario.node.actions("web"))


def touch_the_foreign_one(scenario):
    scenario.node.by_hand("POST", FOREIGN, "restart?t=0")


def tell_the_secret(scenario):
    with scenario.node.log_file.open("a") as log:
        log.write(f'{{"event": "told", "password": "{SECRET}"}}\n')


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (lose_the_good_one, "I1"),
        (run_a_second_copy, "I2"),
        (touch_the_foreign_one, "I3"),
        (tell_the_secret, "I5"),
    ],
)
def test_a_broken_invariant_is_reported(good, breaks, told):
    """A scenario in which an invariant does not hold fails, and says which one."""
    breaks(good)
    with pytest.raises(AssertionError, match=told):
        good.holds()
