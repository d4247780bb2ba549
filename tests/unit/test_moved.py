"""An image name that means another image by now: told, or replaced as any other change is (T-020)."""

from dataclasses import replace

import pytest

from paunchd.reconcile.model import Past, Revision, bare, image_of, pinned, reading, short
from paunchd.reconcile.moved import images_to_know, told_apart
from paunchd.reconcile.plan import plan
from tests.unit.places import NOW, RULES, container, facts, item, of
from tests.unit.plans import attempt, trial

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
REPLACE = replace(RULES, moved_image="replace")
WEB = item(hash_="v1:web")
AT_A, AT_B = (pinned(WEB.hash, image) for image in (A, B))
GOOD = Past(known=True, good=Revision(AT_A, WEB.spec))


def at(image, shown="stub:1", one=WEB, **fields):
    """A container of *one* at *image*, which the engine shows as *shown*."""
    return replace(of(one, **fields), image=shown, image_id=image)


def here(*containers, past=GOOD, one=WEB, images=None, means=B):
    """What is seen while the name of *one* means *means*, and each container's image is there."""
    known = {c.image_id: c.image_id for c in containers} | {"stub:1": means} | (images or {})
    found = facts([one], containers, {"web": past})
    return replace(found, observed=replace(found.observed, images=known))


def planned(found, rules=REPLACE):
    return plan(told_apart(found, rules), rules)


def test_by_default_a_moved_image_is_told_and_nothing_is_done():
    """Nothing is told apart, so the facts are the very same, and the reason says what has happened."""
    found = here(at(A, shown=A), past=Past(known=True, good=Revision(WEB.hash, WEB.spec)))
    made = planned(found, RULES)
    assert told_apart(found, RULES) == found
    assert made.lanes == ()
    assert made.statuses["web"].reason == "stub:1 means another image now than the one that runs"
    assert made.statuses["web"].settled


def test_a_moved_image_is_replaced_as_any_other_change():
    """Prepared beside the old one, switched, and the old one kept: the ordinary table."""
    assert str(planned(here(at(A, shown=A)))) == (
        "web: config-changed (image moved)\n"
        "  pull stub:1 unless present\n"
        "  create web.next from stub:1\n"
        "  update web (restart=no)\n"
        "  retire web as web.prev\n"
        "  promote web.next to web\n"
        "  stop web.prev\n"
        "  start web"
    )


def test_an_image_and_files_that_have_both_moved_are_one_replacement_for_two_reasons():
    """Each is named."""
    before, after = reading(AT_A, "s1.old"), reading(AT_B, "s1.new")
    old = replace(at(A, shown=A), hash=before)
    past = Past(known=True, good=Revision(before, WEB.spec))
    made = plan(facts([replace(WEB, hash=after)], [old], {"web": past}), RULES)
    assert str(made).startswith("web: config-changed (image moved, files)\n")


def test_what_runs_as_the_name_means_is_left_alone():
    """Where nothing has moved nothing is done, and nothing is told."""
    made = planned(here(at(B), past=Past(known=True, good=Revision(AT_B, WEB.spec))))
    assert made.lanes == ()
    assert (made.statuses["web"].reason, made.statuses["web"].settled) == ("", True)


@pytest.mark.parametrize(("rules", "own"), [(RULES, "replace"), (REPLACE, "report")])
def test_a_definition_has_its_own_say(rules, own):
    """The definition's word beats the setting, either way."""
    one = item(hash_="v1:web", rollout={"moved_image": own})
    unpinned = Past(known=True, good=Revision(one.hash, one.spec))
    made = planned(here(at(A, shown=A, one=one), one=one, past=unpinned), rules)
    assert bool(made.lanes) == (own == "replace")


def on_trial(found, **fields):
    """*found* with the trial of the live container."""
    live = found.observed.of("web").live
    past = replace(found.history.of("web"), trial=trial(live, **fields))
    return replace(found, history=replace(found.history, names={"web": past}))


def test_the_new_image_has_its_probation_and_then_is_the_good_one():
    """What is recorded as good is the spec at that very image."""
    new, kept = at(B), at(A, shown=A, engine_name="web.prev", state="exited", actual_restart="no")
    proving = planned(on_trial(here(new, kept), since=NOW - 10, healthy_at=NOW - 5))
    assert proving.statuses["web"].state.value == "proving"
    proven = planned(on_trial(here(new, kept), since=NOW - 400, healthy_at=NOW - 350))
    assert str(proven) == f"web: verdict\n  accept {short(AT_B)} as the good revision of web"
    assert [step.revision for step in proven.lanes[0].steps] == [AT_B]


def test_a_moved_image_that_fails_is_rejected_and_only_that():
    """The rejection is of the spec at that image; the spec itself stays good."""
    new = at(B, oom_killed=True)
    kept = at(A, shown=A, engine_name="web.prev", state="exited", actual_restart="no")
    made = planned(on_trial(here(new, kept)))
    assert [step.revision for lane in made.lanes for step in lane.steps] == [AT_B]
    assert "out of memory" in str(made)


def test_after_its_rejection_the_kept_container_comes_back_by_itself():
    """Rollback is the same table; the kept container needs no image name."""
    new = at(B, state="exited", exit_code=3)
    kept = at(A, shown=A, engine_name="web.prev", state="exited", actual_restart="no")
    made = planned(here(new, kept, past=replace(GOOD, rejected={AT_B: "exited with code 3"})))
    assert str(made) == (
        "web: rollback (exited with code 3)\n  remove web\n  restore web.prev to web\n"
        "  update web (restart=always)\n  start web"
    )


@pytest.mark.parametrize(("means", "replaced"), [(B, False), (C, True)])
def test_a_rejected_image_is_not_tried_again_before_the_name_moves_once_more(means, replaced):
    """Held as rolled back while the name means what failed; another image is another try."""
    made = planned(here(at(A, shown=A), past=replace(GOOD, rejected={AT_B: "it failed"}), means=means))
    assert bool(made.lanes) is replaced
    assert (made.statuses["web"].state.value == "rolled-back") is not replaced


def test_a_good_revision_that_has_to_be_made_again_is_made_from_its_image():
    """Its container was removed by hand and its name means the image that failed: only the id still means it."""
    made = planned(here(past=replace(GOOD, rejected={AT_B: "it failed"}), images={A: A}))
    assert str(made).splitlines()[1:3] == [f"  pull {A} unless present", f"  create web from {A}"]
    assert {step.revision for lane in made.lanes for step in lane.steps if hasattr(step, "revision")} == {AT_A}


def test_a_good_image_that_is_gone_from_the_node_is_no_place_to_return_to():
    """Made again from the name then, which asks the registry, and taken for good at whatever image that was."""
    gone = here(past=GOOD, means="", images={A: ""})
    assert "  pull stub:1 unless present\n  create web from stub:1" in str(planned(gone))
    made = here(at(C), past=GOOD, means=C, images={A: ""})
    assert told_apart(made, REPLACE).history.of("web").good.hash == pinned(WEB.hash, C)


def test_a_name_that_means_nothing_any_more_moves_nothing():
    """Untagged is not moved: what runs is what was meant, and the reason says that its name is gone."""
    made = planned(here(at(A, shown=A), means=""))
    assert made.lanes == ()
    assert made.statuses["web"].settled
    assert "means another image" in made.statuses["web"].reason


def test_an_image_nobody_could_be_asked_about_moves_nothing():
    """Not known is not moved."""
    found = here(at(A, shown=A))
    unknown = replace(found, observed=replace(found.observed, images={A: A}))
    assert planned(unknown).lanes == ()


def test_turning_it_on_takes_the_container_there_is_for_the_good_one():
    """A memory from before names no image: the kept container's counts, or the live one's, and nothing is touched."""
    unpinned = Past(known=True, good=Revision(WEB.hash, WEB.spec))
    apart = told_apart(here(at(B), past=unpinned), REPLACE)
    assert apart.history.of("web").good.hash == apart.desired.items["web"].hash == AT_B
    assert plan(apart, REPLACE).lanes == ()
    kept = at(A, shown=A, engine_name="web.prev", state="exited", actual_restart="no")
    assert told_apart(here(at(B), kept, past=unpinned), REPLACE).history.of("web").good.hash == AT_A


def test_turning_it_on_tries_nothing_again_that_was_rejected():
    """What was rejected while images were not told apart stays so, whatever its image."""
    newer = item(hash_="v1:newer")
    past = Past(known=True, good=Revision(WEB.hash, WEB.spec), rejected={newer.hash: "it failed"})
    made = planned(here(at(A, shown=A), past=past, one=newer))
    assert made.lanes == ()
    assert made.statuses["web"].state.value == "rolled-back"


def test_turning_it_off_in_the_middle_of_a_trial_loses_no_good_revision():
    """The trial goes on, the kept container stays, and a failure is rolled back to it."""
    new = at(B)
    kept = at(A, shown=A, engine_name="web.prev", state="exited", actual_restart="no")
    going_on = planned(on_trial(here(new, kept), since=NOW - 10, healthy_at=NOW - 5), RULES)
    assert going_on.lanes == ()
    assert going_on.statuses["web"].state.value == "proving"
    rejected = planned(here(new, kept, past=replace(GOOD, rejected={AT_B: "it failed"})), RULES)
    assert "restore web.prev to web" in str(rejected)


def test_turning_it_off_restarts_nothing():
    """Neither the old image that came back nor a definition that was rejected at its image is tried again."""
    past = replace(GOOD, rejected={AT_B: "it failed"})
    assert planned(here(at(A, shown=A), past=past), RULES).lanes == ()
    newer = item(hash_="v1:newer")
    past = replace(GOOD, rejected={pinned(newer.hash, B): "it failed"})
    off = planned(here(at(A, shown=A), past=past, one=newer), RULES)
    assert off.lanes == ()
    assert off.statuses["web"].state.value == "rolled-back"


def test_what_runs_once_does_not_run_again_for_a_moved_image():
    """A task that has succeeded, and an exec inside a container that was replaced for its image, are done."""
    job = item("job", hash_="v1:job", detach=False, restart="no")
    setup = item("setup", hash_="v1:setup", action="exec", image="", command=["web", "true"])
    apart = told_apart(here(at(B), past=replace(GOOD, good=Revision(AT_B, WEB.spec))), REPLACE)
    both = replace(apart, desired=replace(apart.desired, items={**apart.desired.items, "job": job, "setup": setup}))
    again = told_apart(both, REPLACE)
    assert again.desired.items["job"] == job
    [lane] = [lane for lane in plan(again, REPLACE).lanes if lane.name == "setup"]
    assert lane.steps[-1].key == "v1:setup@v1:web"


def test_start_first_holds_for_a_moved_image():
    """The new image runs beside the old one, which is not touched before."""
    one = item(hash_="v1:web", rollout={"strategy": "start-first"})
    prepared = at(B, one=one, engine_name="web.next", state="created")
    past = Past(known=True, good=Revision(AT_A, one.spec))
    assert str(planned(here(at(A, shown=A, one=one), prepared, one=one, past=past))).endswith("  start web.next")


def test_a_group_whose_image_moved_is_rejected_together():
    """One member that fails takes the others back, each to its own old image."""
    names = ("aa", "bb")
    ones = {name: item(name, hash_=f"v1:{name}", rollout={"group": "pair"}) for name in names}
    containers = [
        at(B, one=ones["aa"], oom_killed=True),
        at(B, one=ones["bb"]),
        *(at(A, A, one=ones[n], engine_name=f"{n}.prev", state="exited", actual_restart="no") for n in names),
    ]
    pasts = {
        name: Past(
            known=True,
            good=Revision(pinned(ones[name].hash, A), ones[name].spec),
            trial=trial(containers[index]),
        )
        for index, name in enumerate(names)
    }
    found = facts(ones.values(), containers, pasts)
    found = replace(found, observed=replace(found.observed, images={"stub:1": B, A: A, B: B}))
    [lane] = planned(found).lanes
    [reject] = lane.steps
    assert {reject.revision, *(one.revision for one in reject.others)} == {"v1:aa~" + "b" * 64, "v1:bb~" + "b" * 64}


def test_a_refused_image_is_rejected_where_there_is_a_good_one():
    """The engine will not make it: that is the verdict on this image."""
    past = replace(GOOD, attempt=attempt(AT_B, refused=True))
    made = planned(here(at(A, shown=A), past=past))
    assert str(made) == f"web: verdict\n  reject {short(AT_B)} of web: cannot do it"


def test_only_what_decides_something_is_asked_for():
    """By default nothing; else the desired name, and where the good revision could be made from."""
    found = here(at(A), past=replace(GOOD, good=Revision(WEB.hash, WEB.spec)))
    assert images_to_know(found.desired, found.history, RULES) == frozenset()
    other = item(hash_="v1:newer", image="stub:2")
    found = here(at(A), one=other)
    assert images_to_know(found.desired, found.history, REPLACE) == {"stub:1", "stub:2", A}


def test_a_pinned_revision_can_be_taken_apart():
    """The label's hash and the image are in it, people see a little of both, and no revision stays none."""
    assert (bare(AT_A), image_of(AT_A)) == ("v1:web", A)
    assert (bare("v1:web"), image_of("v1:web"), pinned("v1:web", "")) == ("v1:web", "", "v1:web")
    assert pinned(AT_A, B) == AT_B
    assert pinned("", A) == ""
    assert short(f"v1:{'1' * 64}~{'2' * 64}") == f"v1:{'1' * 12}~{'2' * 12}"
    assert container(hash_="").hash == ""
