"""A container that somebody or something has meddled with, as plans (behaviour, sections 3 and 6)."""

from dataclasses import replace
from inspect import cleandoc

import pytest

from paunchd.reconcile.model import State
from paunchd.spec import NO_RESTART
from tests.unit.places import NOW, container, good, item, of
from tests.unit.plans import attempt, planned, trial

WEB = item(image="stub:1", hash_="v1:old")
NEW = item(image="stub:2", hash_="v1:new")
KEPT = of(WEB, engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
GOOD = {"web": good(WEB)}


# --- by hand ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "text"),
    [
        (of(WEB, state="exited", exit_code=143), "web: exited (code 143)\n  start web"),
        (of(WEB, state="exited", exit_code=0), "web: exited (code 0)\n  start web"),
        (of(WEB, state="paused"), "web: paused\n  unpause web"),
        (of(WEB, state="created"), "web: interrupted\n  start web"),
        (of(WEB, engine_name="tmp"), "web: renamed (tmp)\n  restore tmp to web"),
        (
            of(WEB, engine_name="tmp", state="exited", exit_code=1),
            "web: renamed (tmp)\n  restore tmp to web\n  start web",
        ),
    ],
    ids=["stopped", "ended", "paused", "created", "renamed", "renamed-and-stopped"],
)
def test_what_was_done_by_hand_is_undone(live, text):
    """A good container is brought back to its name, and up, in the fewest steps."""
    made = planned([WEB], [live], GOOD)
    assert str(made) == text
    assert not made.statuses["web"].settled


def test_a_good_container_that_is_gone_is_made_again():
    """Somebody removed it; the very revision that was there comes back, and asks no registry for a newer image."""
    web = item(image="stub:1", pull="always", hash_="v1:old")
    assert str(planned([web], [], {"web": good(web)})) == cleandoc("""
        web: gone
          pull stub:1 unless present
          create web from stub:1
          start web
    """)


@pytest.mark.parametrize(
    ("restart", "code", "state"),
    [("no", 1, State.FAILED), ("no", 0, State.SUCCEEDED), ("on-failure", 0, State.SUCCEEDED)],
)
def test_what_its_policy_does_not_want_up_stays_down(restart, code, state):
    """Repair follows the declared restart policy; an exit code of 0 there is success."""
    web = item(restart=restart)
    made = planned([web], [of(web, state="exited", exit_code=code)], {"web": good(web)})
    assert str(made) == ""
    assert made.statuses["web"].state is state


def test_the_engine_is_left_to_restart_by_itself_first():
    """While the engine restarts it by policy, nothing of ours is needed."""
    assert str(planned([WEB], [of(WEB, state="restarting")], GOOD)) == ""


def test_repair_waits_for_its_back_off():
    """What does not stay up is started again later and later, and the state says when."""
    stopped = of(WEB, state="exited", exit_code=1)
    made = planned([WEB], [stopped], {"web": good(WEB, attempt=attempt("v1:old", NOW + 9, "came back after: x"))})
    assert str(made) == ""
    assert (made.statuses["web"].state, made.look_again_at) == (State.WAITING, NOW + 9)
    assert planned([WEB], [stopped], {"web": good(WEB, attempt=attempt("v1:old", NOW))}).lanes[0].repair


def test_a_replacement_in_back_off_does_not_delay_the_repair_of_the_good_one():
    """The new image cannot be pulled and somebody stops the old container: it is up again at once."""
    past = {"web": good(WEB, attempt=attempt("v1:new", NOW + 60, "cannot pull stub:2"))}
    made = planned([NEW], [of(WEB, state="exited", exit_code=143)], past)
    assert str(made) == "web: exited (code 143)\n  start web"
    assert made.lanes[0].revision == "v1:old"


def test_a_replacement_in_back_off_does_not_leave_the_node_without_the_good_one():
    """The new image cannot be pulled and somebody removes the old container: the good one is made again meanwhile."""
    past = {"web": good(WEB, attempt=attempt("v1:new", NOW + 60, "cannot pull stub:2"))}
    made = planned([NEW], [], past)
    assert str(made) == cleandoc("""
        web: gone
          pull stub:1 unless present
          create web from stub:1
          start web
    """)
    assert (made.lanes[0].revision, made.lanes[0].repair) == ("v1:old", True)
    assert made.statuses["web"].reason == "cannot pull stub:2"


def test_a_good_one_found_stopped_at_the_switch_comes_up_before_its_successor_is_prepared():
    """A pull may take long, so the old one is started first, once."""
    stopped = of(WEB, state="exited", exit_code=1)
    assert str(planned([NEW], [stopped], GOOD)) == "web: exited (code 1)\n  start web"
    cut_off = replace(stopped, details=replace(stopped.details, restart=NO_RESTART))
    assert str(planned([NEW], [cut_off], GOOD)) == ("web: exited (code 1)\n  update web (restart=always)\n  start web")
    tried = {"web": good(WEB, attempt=attempt("v1:old"))}
    assert "pull stub:2" in str(planned([NEW], [stopped], tried))


def test_a_refusal_to_start_the_good_one_condemns_only_the_good_one():
    """Bringing a renamed good container back is a try at its own revision, not at the desired one."""
    renamed = of(WEB, engine_name="tmp", state="exited", exit_code=1)
    assert planned([NEW], [renamed], GOOD).lanes[0].revision == "v1:old"


def test_when_the_replacement_on_trial_is_removed_by_hand_the_kept_one_bridges_the_gap():
    """The good container is up while the replacement is prepared anew."""
    assert str(planned([NEW], [KEPT], GOOD)) == cleandoc("""
        web: gone
          restore web.prev to web
          update web (restart=always)
          start web
    """)


def test_the_kept_one_bridges_the_gap_whatever_its_policy():
    """It was us who stopped it, so a policy that starts nothing again says nothing about whether it is wanted."""
    web = item(image="stub:1", restart="no", hash_="v1:old")
    kept = of(web, engine_name="web.prev", state="exited", exit_code=0)
    assert str(planned([NEW], [kept], {"web": good(web)})) == "web: gone\n  restore web.prev to web\n  start web"


def test_a_container_on_trial_that_was_given_the_kept_ones_name_gets_its_own_back():
    """Whatever was done to it by hand, it goes on proving itself."""
    once = item(image="stub:2", restart="no", hash_="v1:new")
    live = of(once, engine_name="web.prev", state="exited", exit_code=143)
    assert str(planned([once], [live], GOOD)).splitlines()[1:] == ["  restore web.prev to web", "  start web"]


def test_a_kept_container_that_runs_already_is_only_named():
    """Somebody removed the live one and started the kept one by hand."""
    kept = of(WEB, engine_name="web.prev", actual_restart="no")
    assert str(planned([WEB], [kept], GOOD)) == cleandoc("""
        web: gone
          restore web.prev to web
          update web (restart=always)
    """)


def test_a_kept_container_that_nobody_wants_is_not_started():
    """At a revision that is neither good nor desired it makes way for what is."""
    kept = container("web.prev", "v1:other", "exited")
    assert str(planned([NEW], [kept], GOOD)) == cleandoc("""
        web: config-changed (image)
          restore web.prev to web
          pull stub:2 unless present
          create web.next from stub:2
          remove web
          promote web.next to web
          start web
    """)


@pytest.mark.parametrize(
    "containers", [[of(WEB, engine_name="tmp")], [of(NEW, engine_name="tmp"), KEPT]], ids=["the good one", "on trial"]
)
def test_a_renamed_container_that_is_wanted_gets_its_name_back(containers):
    """The good one and the one on trial alike, before anything else."""
    assert str(planned([NEW], containers, GOOD).lanes[0].steps[0]) == "restore tmp to web"


def test_the_only_good_container_gets_its_name_back_from_the_place_of_the_prepared_one():
    """Whatever was done to it by hand, it is not thrown away for what is still to be prepared."""
    made = planned([NEW], [of(WEB, engine_name="web.next")], GOOD)
    assert str(made.lanes[0].steps[0]) == "restore web.next to web"


def test_a_second_copy_under_another_name_is_removed():
    """One container of a name is enough; the one that has the name stays."""
    made = planned([WEB], [of(WEB), of(WEB, engine_name="tmp")], GOOD)
    assert str(made) == "web: renamed (tmp)\n  stop tmp\n  remove tmp"


def test_the_only_good_container_is_kept_whatever_name_it_was_given():
    """Renamed by hand while its successor had the name, it is what a rollback would need."""
    made = planned([NEW], [of(NEW), of(WEB, engine_name="tmp")], GOOD)
    assert str(made) == cleandoc("""
        web: renamed (tmp)
          update tmp (restart=no)
          stop tmp
          retire tmp as web.prev
    """)
    made = planned([NEW], [of(NEW), KEPT, of(WEB, engine_name="tmp")], GOOD)
    assert str(made) == "web: renamed (tmp)\n  stop tmp\n  remove tmp"


def test_a_kept_container_started_by_hand_is_put_to_rest():
    """Two copies must not run, and an engine restart must not bring the kept one back (T-067)."""
    kept = of(WEB, engine_name="web.prev")
    live = of(NEW)
    past = {"web": good(WEB, trial=trial(live))}
    assert str(planned([NEW], [live, kept], past)) == cleandoc("""
        web: left-over
          update web.prev (restart=no)
          stop web.prev
    """)


@pytest.mark.parametrize("state", ["exited", "running"])
def test_a_kept_copy_of_what_is_there_is_put_to_rest_before_that_is_touched(state):
    """Both are at the good revision and one is enough: the one that has the name, up or still to be started."""
    kept = of(WEB, engine_name="web.prev")
    steps = [str(step) for step in planned([WEB], [of(WEB, state=state), kept], GOOD).lanes[0].steps]
    assert steps[:2] == ["update web.prev (restart=no)", "stop web.prev"]


@pytest.mark.parametrize("state", ["dead", "removing"])
def test_a_container_the_engine_could_not_remove_is_removed_again(state):
    """A dead container's name is needed; what comes next is as if it were gone (T-018)."""
    steps = [str(step) for step in planned([WEB], [of(WEB, state=state)], GOOD).lanes[0].steps]
    assert (steps[0], steps[-1]) == ("remove web", "start web")
