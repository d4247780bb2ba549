"""Rollout groups, rollback by hand, and what else happens to a container that is good (behaviour, section 6)."""

from dataclasses import replace

import pytest

from paunchd.reconcile.model import Health, Past, State
from tests.unit.places import NOW, good, item, of
from tests.unit.plans import attempt, begun, planned, standing, trial

GROUP = {"group": "pair"}
NEVER_GOOD = Past(known=True)


def versions(name, **rollout):
    """A good revision of *name* and the one that is to replace it, both in the group."""
    rollout = {**GROUP, **rollout}
    return (
        item(name, image="stub:1", rollout=rollout, hash_=f"v1:old-{name}"),
        item(name, image="stub:2", rollout=rollout, hash_=f"v1:new-{name}"),
    )


OLD_A, NEW_A = versions("aa")
OLD_B, NEW_B = versions("bb")


def kept(one):
    return of(one, engine_name=f"{one.name}.prev", state="exited", exit_code=143, actual_restart="no")


def judged(one, was_good=None, since=NOW, **fields):
    """The past of *one* while its container has something to prove."""
    live = of(one)
    past = good(was_good) if was_good else NEVER_GOOD
    return replace(past, trial=trial(live, since, **fields))


def pair(first, second, **more):
    """Both switched and on trial, as *first* and *second* (pasts) have it."""
    containers = [of(NEW_A), of(NEW_B)]
    containers += [kept(old) for old, past in ((OLD_A, first), (OLD_B, second)) if past.good]
    return planned([NEW_A, NEW_B], containers, {"aa": first, "bb": second}, **more)


PROVEN_A = judged(NEW_A, OLD_A, healthy_at=NOW - 300)
PROVEN_B = judged(NEW_B, OLD_B, healthy_at=NOW - 300)
HEALTHY_B = judged(NEW_B, OLD_B, healthy_at=NOW - 100)
FAILED_B = judged(NEW_B, OLD_B, since=NOW - 300)


# --- proven together ----------------------------------------------------------------------------------------------


def test_members_are_switched_independently():
    """A group costs no member its own pace: each begins, pulls and switches as if it were alone."""
    assert begun(planned([NEW_A, NEW_B], [of(OLD_A), of(OLD_B)], {"aa": good(OLD_A), "bb": good(OLD_B)})) == [
        "aa",
        "bb",
    ]


def test_a_proven_member_waits_for_the_rest_of_its_group():
    """Its old container stays until all are proven, and it says what it waits for."""
    made = pair(PROVEN_A, HEALTHY_B)
    assert str(made) == ""
    assert made.statuses["aa"].state is State.PROVING
    assert made.statuses["aa"].reason == "healthy; is proven together with its group pair"
    assert made.look_again_at == NOW + 200


def test_members_are_proven_in_one_record():
    """One step of one lane, so that no crash leaves half of a group good."""
    made = pair(PROVEN_A, PROVEN_B)
    assert str(made) == "aa: verdict\n  accept v1:new-aa as the good revision of aa and with it bb"
    assert [other.revision for other in made.lanes[0].steps[0].others] == ["v1:new-bb"]


def test_while_a_member_is_in_flight_the_group_is_not_proven():
    """Whatever its lane does, its own record comes after that; and while one records for all, nobody does it again."""
    for busy in ("aa", "bb"):
        assert str(pair(PROVEN_A, PROVEN_B, in_flight=[busy])) == ""


def test_a_first_roll_out_of_a_group_is_good_once_all_are_healthy():
    """Where nobody has anything to return to, health is enough, but of all of them."""
    healthy = [judged(one, healthy_at=NOW) for one in (NEW_A, NEW_B)]
    assert str(pair(healthy[0], judged(NEW_B))) == ""
    assert str(pair(*healthy)).endswith("accept v1:new-aa as the good revision of aa and with it bb")


def test_a_member_that_is_good_already_is_no_part_of_it():
    """One that has not changed is neither waited for nor touched."""
    made = planned([NEW_A, OLD_B], [of(NEW_A), kept(OLD_A), of(OLD_B)], {"aa": PROVEN_A, "bb": good(OLD_B)})
    assert str(made) == "aa: verdict\n  accept v1:new-aa as the good revision of aa"


def test_a_group_of_one_is_no_group():
    """Alone, a member is proven and rejected as if nothing were written."""
    assert str(planned([NEW_A], [of(NEW_A), kept(OLD_A)], {"aa": PROVEN_A})) == (
        "aa: verdict\n  accept v1:new-aa as the good revision of aa"
    )
    busy = standing("aa", [NEW_A], [of(NEW_A), kept(OLD_A)], {"aa": PROVEN_A}, in_flight=["aa"])
    assert busy.reason == "proven"


def test_a_group_reaches_across_configs():
    """The word makes the group, whichever files its members stand in."""
    items = [replace(NEW_A, config_id="one"), replace(NEW_B, config_id="two")]
    containers = [of(NEW_A), of(NEW_B), kept(OLD_A), kept(OLD_B)]
    assert "and with it bb" in str(planned(items, containers, {"aa": PROVEN_A, "bb": PROVEN_B}))


def test_two_groups_know_nothing_of_each_other():
    """A member is held up and taken back by its own group alone."""
    other = item("bb", image="stub:2", rollout={"group": "others"}, hash_="v1:new-bb")
    made = planned([NEW_A, other], [of(NEW_A), of(other), kept(OLD_A), kept(OLD_B)], {"aa": PROVEN_A, "bb": FAILED_B})
    assert [len(lane.steps[0].others) for lane in made.lanes] == [0, 0]
    assert begun(made) == ["aa", "bb"]


def test_with_the_store_lost_a_group_declares_nothing_good_that_has_not_run():
    """What runs may prove itself, each for itself; the desired revisions have proved nothing yet."""
    running = [of(OLD_A), of(OLD_B)]
    past = {one.name: Past(trial=trial(of(one), NOW - 10, healthy_at=NOW - 5)) for one in (OLD_A, OLD_B)}
    assert str(planned([NEW_A, NEW_B], running, past)).splitlines() == [
        "aa: verdict",
        "  accept v1:old-aa as the good revision of aa",
        "bb: verdict",
        "  accept v1:old-bb as the good revision of bb",
    ]


def test_with_the_store_lost_a_member_cut_off_in_its_switch_is_finished_without_waiting():
    """What its kept container tells is written down at once; the group's record is another one."""
    prepared = of(NEW_A, engine_name="aa.next", state="created")
    made = planned([NEW_A, NEW_B], [kept(OLD_A), prepared, of(NEW_B), kept(OLD_B)], {"bb": HEALTHY_B})
    assert str(made) == "aa: verdict\n  accept v1:old-aa as the good revision of aa"


def test_a_start_first_member_is_not_good_before_it_has_the_name():
    """Proven beside the old one it is switched, and recorded with its group in a later lane."""
    old, new = versions("aa", strategy="start-first", probation_seconds=0)
    beside = of(new, engine_name="aa.next")
    past = {"aa": replace(good(old), trial=trial(beside, healthy_at=NOW)), "bb": PROVEN_B}
    made = planned([new, NEW_B], [of(old), beside, of(NEW_B), kept(OLD_B)], past)
    assert str(made).splitlines()[-2:] == ["  promote aa.next to aa", "  stop aa.prev"]
    assert begun(made) == ["aa"]


# --- rejected together --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [PROVEN_A, judged(NEW_A, OLD_A)], ids=["proven", "in its gate"])
def test_when_one_member_fails_all_are_rejected_in_one_record(first):
    """However far the others have come, the lane is that of the one that failed."""
    made = pair(first, FAILED_B)
    assert str(made) == "bb: verdict\n  reject v1:new-bb of bb and with it aa: not healthy within 300 s"
    (other,) = made.lanes[0].steps[0].others
    assert (other.name, other.revision, other.code) == ("aa", "v1:new-aa", "group")
    assert other.cause == "bb of its group pair failed: not healthy within 300 s"


def test_a_member_that_the_engine_refuses_takes_the_others_with_it():
    """What cannot be made or started has failed like any other, with its own cause."""
    refused = good(OLD_B, attempt=attempt(NEW_B.hash, error="no such device", refused=True))
    made = planned([NEW_A, NEW_B], [of(NEW_A), kept(OLD_A), of(OLD_B)], {"aa": PROVEN_A, "bb": refused})
    assert str(made) == "bb: verdict\n  reject v1:new-bb of bb and with it aa: no such device"


def test_evidence_is_kept_of_every_member_that_was_made():
    """The record can look into the others' containers as well, whatever their own lanes do."""
    made = pair(PROVEN_A, FAILED_B)
    (other,) = made.lanes[0].steps[0].others
    assert made.lanes[0].ids[other.engine_name] == "id-aa"


def test_two_members_that_fail_at_once_keep_their_own_causes():
    """Neither hears that it failed because of the other."""
    made = pair(judged(NEW_A, OLD_A, restarts=6), FAILED_B)
    (step,) = made.lanes[0].steps
    assert begun(made) == ["aa"]
    assert "restarted 6 times" in step.cause
    assert [other.cause for other in step.others] == ["not healthy within 300 s"]


def test_a_member_still_being_prepared_is_rejected_without_being_waited_for():
    """A pull may take long, and the members that were switched must be back at once."""
    containers = [of(OLD_A), of(NEW_B), kept(OLD_B)]
    made = planned([NEW_A, NEW_B], containers, {"aa": good(OLD_A), "bb": FAILED_B}, in_flight=["aa"])
    assert str(made) == "bb: verdict\n  reject v1:new-bb of bb and with it aa: not healthy within 300 s"


def test_while_the_one_that_failed_is_in_flight_nobody_records_it_again():
    """Its lane is the record of the whole group."""
    assert str(pair(PROVEN_A, FAILED_B, in_flight=["bb"])) == ""


def test_after_the_record_every_member_comes_back():
    """Rollback needs no rules of its own for a group."""
    past = {
        "aa": good(OLD_A, rejected={NEW_A.hash: "bb of its group pair failed: it does not start"}),
        "bb": good(OLD_B, rejected={NEW_B.hash: "it does not start"}),
    }
    made = planned([NEW_A, NEW_B], [of(NEW_A), of(NEW_B), kept(OLD_A), kept(OLD_B)], past)
    assert [str(lane).splitlines()[0] for lane in made.lanes] == [
        "aa: rollback (bb of its group pair failed: it does not start)",
        "bb: rollback (it does not start)",
    ]


def test_a_member_that_had_not_begun_is_rejected_before_it_does():
    """Nothing new of a group begins once one of it has failed."""
    made = planned([NEW_A, NEW_B], [of(OLD_A), of(NEW_B), kept(OLD_B)], {"aa": good(OLD_A), "bb": FAILED_B})
    assert str(made) == "bb: verdict\n  reject v1:new-bb of bb and with it aa: not healthy within 300 s"
    assert made.lanes[0].steps[0].others[0].engine_name == ""  # nothing was made that could tell anything


# --- a member without a good revision -----------------------------------------------------------------------------


def test_a_new_member_that_fails_takes_the_others_back_and_is_left_itself():
    """It has nothing to return to; those that have still do."""
    made = pair(PROVEN_A, judged(NEW_B, since=NOW - 300))
    assert str(made) == ("aa: verdict\n  reject v1:new-aa of aa: bb of its group pair failed: not healthy within 300 s")
    assert made.statuses["bb"].state is State.FAILED


def test_a_new_member_that_the_engine_refuses_takes_the_others_back_as_well():
    """What cannot even be made will never be healthy, and its group must not wait for ever."""
    refused = Past(known=True, attempt=attempt(NEW_B.hash, error="no such device", refused=True))
    made = planned([NEW_A, NEW_B], [of(NEW_A), kept(OLD_A)], {"aa": PROVEN_A, "bb": refused})
    assert str(made) == "aa: verdict\n  reject v1:new-aa of aa: bb of its group pair failed: no such device"


def test_the_record_is_made_by_a_member_that_is_free():
    """One that is busy with its preparation would hold it up, and a pull may take long."""
    old, new = versions("cc")
    new_b = judged(NEW_B, since=NOW - 300)
    past = {"aa": good(OLD_A), "bb": new_b, "cc": good(old)}
    made = planned([NEW_A, NEW_B, new], [of(OLD_A), of(NEW_B), of(old)], past, in_flight=["aa"])
    assert str(made) == (
        "cc: verdict\n  reject v1:new-cc of cc and with it aa: bb of its group pair failed: not healthy within 300 s"
    )


def test_the_record_waits_for_nobody():
    """A member that was to come after the failed one has not begun, and is rejected all the same."""
    old, new = (replace(one, spec=one.spec.model_copy(update={"start_order": 1})) for one in (OLD_A, NEW_A))
    refused = Past(known=True, attempt=attempt(NEW_B.hash, error="no such device", refused=True))
    made = planned([new, NEW_B], [of(old)], {"aa": good(old), "bb": refused})
    assert str(made) == "aa: verdict\n  reject v1:new-aa of aa: bb of its group pair failed: no such device"


def test_where_nobody_has_a_good_revision_a_failure_is_only_told():
    """A first roll-out is left as it is, and no member is called good while one has failed."""
    made = pair(judged(NEW_A, healthy_at=NOW), judged(NEW_B, since=NOW - 300))
    assert str(made) == ""
    assert [made.statuses[name].state for name in ("aa", "bb")] == [State.PROVING, State.FAILED]


# --- taken back by hand -------------------------------------------------------------------------------------------


def test_what_a_person_took_back_is_made_again_without_a_registry():
    """The kept container is long gone after probation: the spec in the store and the image on the node are enough."""
    past = good(OLD_A, rejected={NEW_A.hash: "rolled back by an operator (aa)"})
    assert str(planned([NEW_A], [of(NEW_A)], {"aa": past})).splitlines() == [
        "aa: rollback (rolled back by an operator (aa))",
        "  pull stub:1 unless present",
        "  create aa.next from stub:1",
        "  stop aa",
        "  remove aa",
        "  promote aa.next to aa",
        "  start aa",
    ]


def test_it_stays_taken_back_until_its_definition_changes():
    """The state says who wanted it so."""
    past = good(OLD_A, rejected={NEW_A.hash: "rolled back by an operator (aa)"})
    status = standing("aa", [NEW_A], [of(OLD_A)], {"aa": past})
    assert (status.state, status.reason) == (State.ROLLED_BACK, "rolled back by an operator (aa)")


# --- a good container that gets sick ------------------------------------------------------------------------------

CARED_FOR = item(on_unhealthy="restart", healthcheck={"test": "true"}, hash_="v1:good")
SICK = of(CARED_FOR, health=Health.UNHEALTHY)


def test_a_good_container_that_gets_unhealthy_is_restarted_where_that_is_wanted():
    """It keeps its container and its name, and the plan says why."""
    assert str(planned([CARED_FOR], [SICK], {"web": good(CARED_FOR)})) == "web: unhealthy\n  stop web\n  start web"


def test_unless_it_is_wanted_an_unhealthy_good_container_is_left_alone():
    """A health test may be wrong; the default is to tell and not to act."""
    plain = item(healthcheck={"test": "true"}, hash_="v1:good")
    made = planned([plain], [of(plain, health=Health.UNHEALTHY)], {"web": good(plain)})
    assert str(made) == ""


def test_restarts_of_the_unhealthy_have_a_budget():
    """Between two of them lies the back-off of every repair, and the state says when the next one is."""
    made = planned([CARED_FOR], [SICK], {"web": good(CARED_FOR, attempt=attempt("v1:good", error="again: unhealthy"))})
    assert str(made) == ""
    status = made.statuses["web"]
    assert (status.state, status.reason, status.until) == (State.WAITING, "again: unhealthy", NOW + 4)


def test_a_restart_of_the_unhealthy_counts_as_repair():
    """Repair is what the back-off grows with."""
    assert planned([CARED_FOR], [SICK], {"web": good(CARED_FOR)}).lanes[0].repair


# --- image drift --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", ["sha256:1", "1"], ids=["long", "short"])
def test_a_name_that_means_another_image_now_is_told_and_replaces_nothing(image):
    """The engine shows an id where the name has moved; somebody may want to know, nobody wants a surprise (T-020)."""
    made = planned([OLD_A], [replace(of(OLD_A), image=image)], {"aa": good(OLD_A)})
    assert str(made) == ""
    status = made.statuses["aa"]
    assert (status.state, status.settled) == (State.RUNNING, True)
    assert status.reason == "stub:1 means another image now than the one that runs"


def test_an_image_that_still_has_its_name_is_not_worth_a_word():
    """In the ordinary case the reason is empty."""
    assert standing("aa", [OLD_A], [of(OLD_A)], {"aa": good(OLD_A)}).reason == ""
