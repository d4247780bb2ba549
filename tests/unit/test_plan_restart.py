"""An operator asks for a container to be started again: once, of the run he spoke of, whatever it is about."""

from dataclasses import replace
from inspect import cleandoc

import pytest

from paunchd.reconcile.model import Past, Restart, State
from tests.unit.places import NOW, good, item, of
from tests.unit.plans import planned, trial

WEB = item(image="stub:1", hash_="v1:old")
NEW = item(image="stub:2", hash_="v1:new")
KEPT = of(WEB, engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
ASKED = Restart("id-web", "t0")
GOOD = good(WEB, restart=ASKED)


def test_a_good_container_is_stopped_and_started_again():
    """It keeps its id, and says meanwhile why it is away."""
    made = planned([WEB], [of(WEB)], {"web": GOOD})
    assert str(made) == cleandoc("""
        web: restart (asked by an operator)
          stop web
          start web
    """)
    assert (made.statuses["web"].state, made.statuses["web"].settled) == (State.PREPARING, False)
    assert not made.lanes[0].repair


def test_one_that_was_stopped_for_it_is_started_whatever_its_policy():
    """The daemon was killed between the two steps: the request is still about this run."""
    once = item(restart="no", hash_="v1:old")
    made = planned([once], [of(once, state="exited", exit_code=143)], {"web": good(once, restart=ASKED)})
    assert str(made) == "web: restart (asked by an operator)\n  start web"


@pytest.mark.parametrize(
    "live", [of(WEB, started_at="t1"), of(WEB, id="another")], ids=["started since", "another container"]
)
def test_a_run_that_is_over_is_not_ended_again(live):
    """What was asked for has been done, or somebody was faster."""
    made = planned([WEB], [live], {"web": GOOD})
    assert made.lanes == ()
    assert made.statuses["web"].settled


def test_a_container_on_trial_is_not_condemned_by_our_own_stop():
    """It is down because an operator wanted it started again; its gate starts over, and nothing is rejected."""
    new = item(image="stub:2", restart="no", hash_="v1:new")
    down = of(new, state="exited", exit_code=143)
    past = good(WEB, restart=ASKED, trial=trial(down, since=NOW - 10))
    made = planned([new], [down, KEPT], {"web": past})
    assert str(made) == "web: restart (asked by an operator)\n  start web"


def test_a_good_container_whose_successor_waits_is_restarted_meanwhile():
    """A change that waits for its turn does not keep the operator waiting."""
    first = replace(item("db", step=1), config_id="s1")
    web = replace(NEW, config_id="s2", step=2)
    made = planned([first, web], [of(WEB)], {"web": GOOD})
    assert "web: restart (asked by an operator)\n  stop web\n  start web" in str(made)


def test_a_change_that_may_begin_makes_the_restart_needless():
    """The container is replaced anyway."""
    made = planned([NEW], [of(WEB)], {"web": GOOD})
    assert "restart" not in str(made).partition("\n")[0]
    assert str(made).startswith("web: config-changed")


def test_one_that_is_rolled_back_is_restarted_as_any_other():
    """The good revision runs, and is stopped and started."""
    past = replace(GOOD, rejected={"v1:new": "it failed"})
    made = planned([NEW], [of(WEB)], {"web": past})
    assert str(made) == "web: restart (asked by an operator)\n  stop web\n  start web"
    assert made.statuses["web"].state is State.PREPARING


def test_a_held_container_is_left_alone():
    """A hold that came later counts."""
    made = planned([WEB], [of(WEB)], {"web": replace(GOOD, hold=True)})
    assert made.lanes == ()
    assert made.statuses["web"].state is State.HELD


def test_nothing_is_asked_of_a_name_that_is_not_known():
    """Without a request nothing is restarted."""
    assert planned([WEB], [of(WEB)], {"web": Past(known=True, good=good(WEB).good)}).lanes == ()
