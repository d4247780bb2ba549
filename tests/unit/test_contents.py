"""Config files that changed: another revision of exactly who reads them, rolled out and taken back as any other."""

from dataclasses import replace

import pytest

from paunchd.reconcile.contents import newly_read, told_apart
from paunchd.reconcile.model import (
    Content,
    Past,
    Read,
    Revision,
    bare,
    files_of,
    image_of,
    pinned,
    reading,
    scoped,
    short,
    unpinned,
)
from paunchd.reconcile.plan import plan
from tests.unit.places import NOW, RULES, facts, item, of
from tests.unit.plans import trial

OLD, NEW, NEWER = (scoped("s1", digest) for digest in ("old", "new", "newer"))
BEFORE = {"nova/nova.conf": "1", "nova/policy.json": "1"}
AFTER = {"nova/nova.conf": "2", "nova/policy.json": "1"}
WEB = item(hash_="v1:web")
GOOD = Past(known=True, good=Revision("v1:web+" + OLD, WEB.spec), read=Read("id-web", OLD, BEFORE))


def holding(digest=NEW, files=None, **fields):
    return Content("s1", digest, AFTER if files is None else files, **fields)


def made(one=WEB, files=OLD, **fields):
    """A container of *one*, made to read *files*."""
    return replace(of(one, **fields), files=files)


def here(*containers, past=GOOD, one=WEB, content=None, **more):
    found = facts([one], containers, {"web": past} if past else {}, **more)
    return replace(found, contents={"web": content or holding()})


def planned(found):
    return plan(told_apart(found), RULES)


def test_a_changed_file_replaces_who_reads_it_as_any_other_change_does():
    """Prepared beside the old one, switched, the old one kept; the reason names the file, never its content."""
    assert str(planned(here(made()))) == (
        "web: config-changed (files: nova/nova.conf)\n"
        "  pull stub:1 unless present\n"
        "  create web.next from stub:1\n"
        "  update web (restart=no)\n"
        "  retire web as web.prev\n"
        "  promote web.next to web\n"
        "  stop web.prev\n"
        "  start web"
    )


def test_t085_only_who_reads_it_is_replaced():
    """A neighbour that reads other files, and one that reads none, keep their containers (T-085)."""
    other, plain = item("other", hash_="v1:other"), item("plain", hash_="v1:plain")
    found = facts(
        [WEB, other, plain],
        [made(), made(other), of(plain)],
        {
            "web": GOOD,
            "other": Past(known=True, good=Revision("v1:other+" + OLD, other.spec)),
            "plain": Past(known=True, good=Revision("v1:plain", plain.spec)),
        },
    )
    found = replace(found, contents={"web": holding(), "other": holding(OLD)})
    assert [lane.name for lane in planned(found).lanes] == ["web"]


def test_who_reads_no_file_keeps_the_revision_it_has():
    """Without content nothing is told apart: the facts are the very same."""
    found = facts([WEB], [of(WEB)], {"web": Past(known=True, good=Revision(WEB.hash, WEB.spec))})
    assert told_apart(found) == found


def test_a_new_container_says_what_it_was_made_to_read():
    """The step that creates it carries the digest, which becomes a label."""
    [lane] = planned(here(past=None)).lanes
    assert [step.files for step in lane.steps if hasattr(step, "config_id")] == [NEW]


def test_a_good_container_that_is_made_again_is_of_the_good_files():
    """Others are there, which have failed: by its label it is what a rollback leads to, and not tried again."""
    [lane] = rejected(holding(NEW)).lanes
    assert [step.files for step in lane.steps if hasattr(step, "config_id")] == [OLD]


def test_who_reads_no_file_says_so():
    """Its container gets no digest at all."""
    [lane] = plan(facts([WEB]), RULES).lanes
    assert [step.files for step in lane.steps if hasattr(step, "config_id")] == [""]


def test_a_container_from_before_this_was_asked_is_taken_as_it_is():
    """No label, no memory: it counts as having read what is there now, which is remembered, and nothing is done."""
    found = here(made(files=""), past=Past(known=True, good=Revision("v1:web", WEB.spec)))
    assert planned(found).lanes == ()
    assert newly_read(found) == {"web": Read("id-web", NEW, AFTER)}


def test_a_container_taken_as_it_was_is_replaced_at_the_next_change():
    """From its baseline on it is like any other, also as the kept one while its successor proves itself."""
    past = replace(GOOD, good=Revision("v1:web+" + OLD, WEB.spec))
    assert planned(here(made(files=""), past=past)).lanes != ()
    kept = made(files="", engine_name="web.prev", state="exited", actual_restart="no")
    new = made(files=NEW, id="id-new")
    past = replace(past, read=Read("id-new", NEW, AFTER), trial=trial(new, healthy_at=NOW))
    proving = planned(here(new, kept, past=past))
    assert (proving.lanes, proving.statuses["web"].state.value) == ((), "proving")


@pytest.mark.parametrize(
    "content",
    [
        Content("s1", trouble="cannot read nova.conf: Permission denied"),
        holding(trouble="cannot read nova.conf: Permission denied"),
        holding(until=NOW + 5),
        Content("s1"),
    ],
)
def test_what_cannot_be_told_replaces_nothing(content):
    """Broken is not absent: unreadable, half-written or unknown files leave the container as it is."""
    made_ = planned(here(made(), content=content))
    assert made_.lanes == ()
    assert made_.statuses["web"].state.value == "running"


def test_why_files_cannot_be_told_is_told():
    """The reason of a good container says which file and why."""
    trouble = "cannot read nova.conf: Permission denied"
    status = planned(here(made(), content=holding(OLD, trouble=trouble))).statuses["web"]
    assert trouble in status.reason
    assert status.settled


def test_a_change_of_the_definition_waits_for_files_that_are_being_written():
    """Both at once are one replacement, not two (T-087)."""
    one = item(hash_="v1:newer", user="nova")
    waiting = planned(here(made(), one=one, content=holding(until=NOW + 5)))
    assert waiting.lanes == ()
    assert (waiting.statuses["web"].state.value, waiting.look_again_at) == ("waiting", NOW + 5)
    assert waiting.statuses["web"].reason == "its config files are being written"
    [lane] = planned(here(made(), one=one)).lanes
    assert str(lane.reason) == "config-changed (user, files: nova/nova.conf)"


def test_a_first_start_does_not_wait():
    """Where nothing runs yet there is nothing to spare by waiting."""
    assert planned(here(past=None, content=holding(until=NOW + 5))).lanes != ()


def test_repair_does_not_wait():
    """A container that is down comes up at once, whoever writes files."""
    down = made(state="exited", exit_code=1)
    assert "start web" in str(planned(here(down, content=holding(until=NOW + 5))))


def rejected(content, *containers):
    return planned(here(*containers, past=replace(GOOD, rejected={"v1:web+" + NEW: "it failed"}), content=content))


def test_content_that_failed_is_held_until_it_changes_again():
    """Rolled back, and not tried again; other content is another try, and the old one is simply good (no loop)."""
    held = rejected(holding(NEW), made())
    assert (held.lanes, held.statuses["web"].state.value) == ((), "rolled-back")
    assert "create web.next" in str(rejected(holding(NEWER), made()))
    back = rejected(holding(OLD, BEFORE), made())
    assert (back.lanes, back.statuses["web"].state.value) == ((), "running")


def test_after_the_rejection_the_kept_container_comes_back_and_what_it_reads_is_remembered():
    """It reads what is on the host, which is not what it was made for: that is written down."""
    failed = made(files=NEW, state="exited", exit_code=3, id="id-new")
    kept = made(engine_name="web.prev", state="exited", actual_restart="no", id="id-kept")
    assert str(rejected(holding(NEW), failed, kept)) == (
        "web: rollback (it failed)\n"
        "  remove web\n"
        "  restore web.prev to web\n"
        "  update web (restart=always)\n"
        "  start web\n"
        f"  record config files {short(NEW)} as read by web"
    )


def test_files_that_are_put_back_are_read_again_by_the_container_that_came_back_meanwhile():
    """It was started while the bad ones were there: it is the right container, and only has to be started again."""
    past = replace(GOOD, rejected={"v1:web+" + NEW: "it failed"}, read=Read("id-web", NEW, AFTER))
    made_ = planned(here(made(), past=past, content=holding(OLD, BEFORE)))
    assert str(made_) == (
        "web: files-changed (nova/nova.conf)\n"
        "  stop web\n"
        "  start web\n"
        f"  record config files {short(OLD)} as read by web"
    )


def test_another_rule_for_which_files_count_replaces_nothing():
    """A new exclude, or another root, makes digests that say nothing about the old ones."""
    content = Content("s2", scoped("s2", "any"), AFTER)
    found = here(made(), content=content)
    assert planned(found).lanes == ()
    assert newly_read(found) == {"web": Read("id-web", content.digest, AFTER)}


def test_switching_to_a_reload_and_back_restarts_nothing():
    """Without files in its revision the good one is still the good one, and the other way round."""
    softer = item(hash_="v1:web", config_files={"on_change": "none"})
    assert planned(here(made(), one=softer)).lanes == ()
    past = Past(known=True, good=Revision("v1:web", WEB.spec), read=Read("id-web", NEW, AFTER))
    assert planned(here(made(files=NEW), past=past)).lanes == ()


def test_images_and_files_are_told_apart_at_once():
    """A revision takes both, in this order, and can be taken apart."""
    both = pinned(reading("v1:web", OLD), "sha256:" + "a" * 64)
    assert (bare(both), files_of(both), image_of(both)) == ("v1:web", OLD, "sha256:" + "a" * 64)
    assert unpinned(both) == "v1:web+" + OLD
    assert reading(both, NEW) == f"v1:web+{NEW}~{'a' * 64}"
    assert reading(both, "") == f"v1:web~{'a' * 64}"
    assert reading("", NEW) == ""


def test_what_runs_once_does_not_run_again_for_changed_files():
    """A task is done, and so is an exec in a container that was replaced for its files."""
    job = item("job", hash_="v1:job", detach=False, restart="no")
    found = facts([job], [], {})
    assert told_apart(replace(found, contents={"job": holding()})).desired.items["job"] == job


def test_what_a_new_container_has_read_is_remembered_once():
    """With its label, and not while a lane works on it; afterwards there is nothing to write."""
    past = Past(known=True, good=Revision("v1:web+" + NEW, WEB.spec))
    assert newly_read(here(made(files=NEW), past=past)) == {"web": Read("id-web", NEW, AFTER)}
    assert newly_read(here(made(files=NEW), past=past, in_flight=["web"])) == {}
    assert newly_read(here(made(files=NEW), past=replace(past, read=Read("id-web", NEW, AFTER)))) == {}
    assert newly_read(here(made(files=OLD), past=past)) == {}


def test_a_group_is_rejected_together_for_its_files():
    """Members that share a file go back together."""
    ones = {name: item(name, hash_=f"v1:{name}", rollout={"group": "pair"}) for name in ("aa", "bb")}
    new = [made(ones["aa"], NEW, oom_killed=True), made(ones["bb"], NEW)]
    kept = [made(one, OLD, engine_name=f"{n}.prev", state="exited", actual_restart="no") for n, one in ones.items()]
    pasts = {
        name: Past(known=True, good=Revision(f"v1:{name}+{OLD}", ones[name].spec), trial=trial(new[place]))
        for place, name in enumerate(ones)
    }
    found = replace(facts(ones.values(), [*new, *kept], pasts), contents=dict.fromkeys(ones, holding()))
    [lane] = planned(found).lanes
    [reject] = lane.steps
    assert {reject.revision, *(one.revision for one in reject.others)} == {f"v1:aa+{NEW}", f"v1:bb+{NEW}"}
