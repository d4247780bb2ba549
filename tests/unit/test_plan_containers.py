"""One container from its first start to the good revision, as plans (behaviour, section 6)."""

from dataclasses import replace
from inspect import cleandoc

import pytest

from paunchd.reconcile.model import Health, Past, Revision, State, Stop
from paunchd.spec import config_hash
from tests.unit.places import NOW, container, good, item, of
from tests.unit.plans import planned, standing, trial

OLD = item(image="stub:1", hash_="v1:old")
NEW = item(image="stub:2", environment={"MODE": "new"}, hash_="v1:new")
KEPT = of(OLD, engine_name="web.prev", state="exited", exit_code=143, actual_restart="no")
NEXT = of(NEW, engine_name="web.next", state="created")
NEVER_GOOD = Past(known=True)


# --- the first start ----------------------------------------------------------------------------------------------


def test_a_new_container_is_made_under_its_own_name():
    """Where nothing has the name nothing has to be prepared beside it: pulled, created and started."""
    assert str(planned([OLD])) == cleandoc("""
        web: new
          pull stub:1 unless present
          create web from stub:1
          start web
    """)


def test_bind_sources_are_checked_before_anything_is_created():
    """Host paths are looked at after the pull and before the create; named volumes are not (T-047)."""
    bound = item(volumes=["/etc/web:/etc/web:ro", "data:/data"])
    assert [str(step) for step in planned([bound]).lanes[0].steps][:3] == [
        "pull stub:1 unless present",
        "check 1 bind sources of web",
        "create web from stub:1",
    ]


@pytest.mark.parametrize(("pull", "first"), [("always", "pull stub:1 always"), ("never", "create web from stub:1")])
def test_the_definition_says_when_to_pull(pull, first):
    """``pull: always`` asks the registry each time, ``never`` does not pull at all."""
    assert str(planned([item(pull=pull)]).lanes[0].steps[0]) == first


def test_a_container_just_started_has_proved_nothing():
    """Before its first look as started it is starting, and not settled."""
    status = standing("web", [OLD], [of(OLD)], {"web": NEVER_GOOD})
    assert (status.state, status.settled) == (State.STARTING, False)


# --- the switch ---------------------------------------------------------------------------------------------------


def test_a_change_is_prepared_while_the_old_one_runs_and_keeps_it():
    """The good container is stopped only when its successor has the name and needs but its start, and is kept with its
    restart policy off.
    """
    assert str(planned([NEW], [of(OLD)], {"web": good(OLD)})) == cleandoc("""
        web: config-changed (environment, image)
          pull stub:2 unless present
          create web.next from stub:2
          update web (restart=no)
          retire web as web.prev
          promote web.next to web
          stop web.prev
          start web
    """)


@pytest.mark.parametrize("after", [[NEW], []])
def test_each_stop_knows_the_grace_of_the_container_that_it_stops(after):
    """The one who is stopped says how long that may take, whatever its successor says; nobody has to ask again."""
    made = planned(after, [of(OLD, grace_seconds=70)], {"web": good(OLD)})
    (stop,) = (step for lane in made.lanes for step in lane.steps if isinstance(step, Stop))
    assert stop.grace_seconds == 70


def test_what_never_was_good_is_not_kept():
    """A container that has proved nothing makes way for good; the one kept stays the good one."""
    newer = item(image="stub:3", hash_="v1:newer")
    assert str(planned([newer], [of(NEW), KEPT], {"web": good(OLD)})) == cleandoc("""
        web: config-changed (image)
          pull stub:3 unless present
          create web.next from stub:3
          stop web
          remove web
          promote web.next to web
          start web
    """)


def test_a_prepared_container_is_used_as_it_is():
    """A daemon that died after the create goes on with the switch and pulls nothing again."""
    assert str(planned([NEW], [of(OLD), NEXT], {"web": good(OLD)})) == cleandoc("""
        web: config-changed (environment, image)
          update web (restart=no)
          retire web as web.prev
          promote web.next to web
          stop web.prev
          start web
    """)


def test_a_prepared_container_of_another_revision_is_removed_first():
    """Where the definition changed again after the create, the newest one wins."""
    stale = container("web.next", "v1:between", "created")
    steps = planned([NEW], [of(OLD), stale], {"web": good(OLD)}).lanes[0].steps
    assert [str(step) for step in steps][:2] == ["remove web.next", "pull stub:2 unless present"]


def test_a_switch_cut_between_its_two_renames_is_finished():
    """When nobody has the live name, the prepared one takes it at once."""
    assert str(planned([NEW], [KEPT, NEXT], {"web": good(OLD)})) == cleandoc("""
        web: config-changed (environment, image)
          promote web.next to web
          start web
    """)


@pytest.mark.parametrize("successor", [NEXT, of(NEW, state="created")], ids=["retired", "promoted"])
def test_a_switch_cut_before_its_stop_leaves_the_old_one_running_and_is_finished(successor):
    """Killed between the renames or after them, nothing was without an answer; the stop and the start come together."""
    running = of(OLD, engine_name="web.prev", actual_restart="no")
    steps = planned([NEW], [running, successor], {"web": good(OLD)}).lanes[0].steps
    assert [str(step) for step in steps][-2:] == ["stop web.prev", "start web"]


@pytest.mark.parametrize("cut", ["before the stop", "after the stop"])
def test_a_switch_that_is_overtaken_lets_the_old_one_serve_while_the_next_is_prepared(cut):
    """The definition has become a third one: what was to be switched to has never run, and the pull may take long."""
    third = item(image="stub:3", hash_="v1:third")
    live = of(NEW, state="created")
    old = {"engine_name": "web.prev", "actual_restart": "no"}
    prev = of(OLD, **old) if cut == "before the stop" else of(OLD, **old, state="exited", exit_code=143)
    text = str(planned([third], [live, prev], {"web": good(OLD)}))
    first = "  remove web\n  restore web.prev to web\n"
    if cut == "before the stop":
        assert first + "  pull stub:3 unless present\n  create web.next from stub:3" in text
        assert text.index("create web.next") < text.index("stop web.prev")
    else:
        assert text.endswith(first + "  update web (restart=always)\n  start web")


THIRD = item(image="stub:3", hash_="v1:third")
SERVING = of(OLD, engine_name="web.prev", actual_restart="no")
NEVER_RAN = of(NEW, state="created")


def test_an_overtaken_switch_goes_on_to_what_is_prepared_already():
    """The next one needs no more than to be started, so that the old one has served for as long as it has to."""
    prepared = of(THIRD, engine_name="web.next", state="created")
    assert str(planned([THIRD], [NEVER_RAN, SERVING, prepared], {"web": good(OLD)})) == cleandoc("""
        web: config-changed (image)
          stop web.prev
          remove web
          promote web.next to web
          start web
    """)


def test_a_kept_container_that_nobody_knows_does_not_come_back():
    """Only the good one, or the one that is wanted, is worth a name."""
    stranger = container("web.prev", "v1:stranger", actual_restart="no")
    text = str(planned([THIRD], [NEVER_RAN, stranger], {"web": good(OLD)}))
    assert "stop web.prev" in text
    assert "restore" not in text


def test_of_two_good_ones_the_kept_one_is_at_rest_before_the_other_is_started():
    """Two copies never run at once, whatever is wanted next (I2)."""
    down = of(OLD, state="exited", exit_code=1)
    steps = [str(step) for step in planned([THIRD], [down, SERVING], {"web": good(OLD)}).lanes[0].steps]
    assert steps.index("stop web.prev") < steps.index("start web")


def test_a_second_copy_of_what_still_serves_takes_nobody_down():
    """What was prepared before it was taken back goes, and the old one gets its name as it is."""
    copy = of(OLD, engine_name="web.next", state="created")
    text = str(planned([OLD], [NEVER_RAN, SERVING, copy], {"web": good(OLD)}))
    assert "restore web.prev to web" in text
    assert "stop" not in text


def test_a_change_taken_back_before_the_stop_gives_the_old_one_its_name_and_never_stops_it():
    """What still runs as the kept one is the desired one again: its successor goes, and nobody notices."""
    running = of(OLD, engine_name="web.prev", actual_restart="no")
    assert str(planned([OLD], [running, of(NEW, state="created")], {"web": good(OLD)})) == cleandoc("""
        web: left-over
          remove web
          restore web.prev to web
          update web (restart=always)
    """)


def test_a_promoted_container_that_was_never_started_is_started():
    """A daemon that died between the rename and the start leaves nothing stopped."""
    made = planned([NEW], [of(NEW, state="created"), KEPT], {"web": good(OLD)})
    assert str(made) == "web: interrupted\n  start web"


def test_desired_changed_back_to_the_kept_one_brings_that_very_container_back():
    """The kept container returns without a pull and without having to prove anything."""
    assert str(planned([OLD], [of(NEW), KEPT], {"web": good(OLD)})) == cleandoc("""
        web: config-changed
          stop web
          remove web
          restore web.prev to web
          update web (restart=always)
          start web
    """)


def test_the_good_one_is_kept_although_what_is_desired_has_the_kept_ones_name():
    """Two names swapped by hand: the live one is the good one, and only that may not be lost."""
    swapped = of(NEW, engine_name="web.prev", state="exited", actual_restart="no")
    assert str(planned([NEW], [of(OLD), swapped], {"web": good(OLD)})) == cleandoc("""
        web: config-changed (environment, image)
          pull stub:2 unless present
          create web.next from stub:2
          remove web.prev
          update web (restart=no)
          retire web as web.prev
          promote web.next to web
          stop web.prev
          start web
    """)


def test_what_was_prepared_meanwhile_goes_before_the_kept_one_comes_back():
    """Nobody wants it any more, and the kept one comes back to a clean place."""
    prepared = container("web.next", "v1:between", "created")
    steps = planned([OLD], [of(NEW), KEPT, prepared], {"web": good(OLD)}).lanes[0].steps
    assert [str(step) for step in steps][:3] == ["remove web.next", "stop web", "remove web"]


@pytest.mark.parametrize(("restart", "code"), [("no", 143), ("no", 0), ("on-failure", 0)])
def test_a_kept_container_comes_back_running_whatever_its_policy(restart, code):
    """It was us who stopped it, so its policy and its exit code say nothing about whether it is wanted."""
    old = item(image="stub:1", hash_="v1:old", restart=restart)
    kept = of(old, engine_name="web.prev", state="exited", exit_code=code, actual_restart="no")
    made = planned([old], [of(NEW), kept], {"web": good(old)})
    assert str(made.lanes[0].steps[-1]) == "start web"


def test_a_replaced_container_whose_label_is_lost_counts_as_changed():
    """A container of ours without its hash is made anew, and crashes nothing (T-004, T-023)."""
    steps = planned([OLD], [container("web", "")], {"web": good(OLD)}).lanes[0].steps
    assert [str(step) for step in steps][-4:] == ["stop web", "remove web", "promote web.next to web", "start web"]


# --- nothing to do ------------------------------------------------------------------------------------------------


def test_an_unchanged_container_is_not_touched():
    """At the desired revision and running, the plan is empty and all is settled (T-003)."""
    made = planned([OLD], [of(OLD)], {"web": good(OLD)})
    assert str(made) == ""
    assert (made.statuses["web"].state, made.statuses["web"].settled) == (State.RUNNING, True)
    assert made.look_again_at is None


def test_metadata_and_key_order_replace_nothing():
    """What changes nothing in the container (start_order, rollout, order of keys) is no change (T-003, T-021)."""
    before = item(environment={"A": "1", "B": "2"}, net="host")
    after = item(net="host", environment={"B": "2", "A": "1"}, start_order=7, rollout={"max_restarts": 1})
    assert str(planned([after], [of(before)], {"web": good(before)})) == ""


def test_what_the_image_and_the_engine_add_is_no_change():
    """Only our hash is compared; health checks, limits and images the engine reports do not count (T-022)."""
    live = replace(of(OLD, health=Health.HEALTHY), image="sha256:moved", kind="odd")
    assert str(planned([OLD], [live], {"web": good(OLD)})) == ""


def test_a_broken_file_keeps_its_containers():
    """Broken is not absent: the container runs on as last understood, in the state broken and not settled."""
    kept = replace(OLD, kept_because="its file is broken: node.yaml:3:1: a tab")
    made = planned([kept], [of(OLD)], {"web": good(OLD)})
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.settled) == (State.BROKEN, False)
    assert status.reason == "its file is broken: node.yaml:3:1: a tab"


def test_with_the_store_lost_what_runs_may_first_prove_to_be_good():
    """A running container nobody remembers is taken as good once it is healthy, before a change replaces it."""
    live = of(OLD)
    undecided = planned([NEW], [live], {"web": Past(trial=trial(live))})
    healthy = planned([NEW], [live], {"web": Past(trial=trial(live, NOW - 2, healthy_at=NOW))})
    assert str(undecided) == ""
    assert str(healthy) == "web: verdict\n  accept v1:old as the good revision of web"


def test_with_the_store_lost_the_kept_container_tells_the_good_revision():
    """Nothing else is ever kept, so its hash is written down before anything else happens."""
    made = planned([NEW], [of(NEW), KEPT])
    assert str(made) == "web: verdict\n  accept v1:old as the good revision of web"


def test_what_is_still_to_be_finished_is_not_called_failed():
    """With the store lost between the two renames nobody has the name, and all that it takes is there."""
    made = planned([NEW], [KEPT, NEXT])
    assert str(made) == "web: verdict\n  accept v1:old as the good revision of web"
    assert (made.statuses["web"].state, made.statuses["web"].settled) == (State.PREPARING, False)


def test_hashes_of_definitions_are_what_containers_are_compared_by():
    """An item's revision is its spec's hash, so the plan's revision is the one the label will carry."""
    one = item()
    assert planned([one]).lanes[0].revision == config_hash(one.spec) == one.hash


def test_a_known_good_hash_without_its_spec_is_still_returned_to():
    """After a lost store only the kept container can bring the good revision back, and it does."""
    past = Past(known=True, good=Revision("v1:old"), rejected={"v1:new": "oom"})
    steps = planned([NEW], [of(NEW), KEPT], {"web": past}).lanes[0].steps
    assert str(steps[-1]) == "start web"
    assert "update web (restart=always)" in [str(step) for step in steps]


def test_a_known_good_hash_says_nothing_of_the_desired_definition():
    """The kept container's own label tells its policy, for the rejected definition is another one's."""
    new = item(image="stub:2", restart="no", hash_="v1:new")
    past = Past(known=True, good=Revision("v1:old"), rejected={"v1:new": "oom"})
    assert str(planned([new], [of(new), KEPT], {"web": past})).splitlines()[-2:] == [
        "  update web (restart=always)",
        "  start web",
    ]


def test_a_known_good_hash_that_is_desired_has_its_definition_back():
    """What ran here before is made again as good, and asks no registry for a newer image."""
    web = item(pull="always", hash_="v1:old")
    text = str(planned([web], [], {"web": Past(known=True, good=Revision("v1:old"))}))
    assert text.startswith("web: gone\n  pull stub:1 unless present\n  create web from")


def test_a_known_good_hash_of_which_nothing_is_left_is_nothing_to_return_to():
    """Neither a container nor a definition of it is there, so the rejected one goes on as if it were the first."""
    past = Past(known=True, good=Revision("v1:old"), rejected={"v1:new": "oom"})
    made = planned([NEW], [of(NEW)], {"web": past})
    assert (str(made), made.statuses["web"].state) == ("", State.STARTING)
