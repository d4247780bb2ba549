"""Config files that are read again without another container: signal, exec, restart, or nothing (T-091, T-092)."""

from dataclasses import replace

import pytest

from paunchd.reconcile.contents import told_apart
from paunchd.reconcile.model import Content, Past, Read, Revision, short
from paunchd.reconcile.plan import plan
from tests.unit.places import NOW, RULES, facts, item, of
from tests.unit.plans import attempt, trial

OLD, NEW = "s1.old", "s1.new"
BEFORE, AFTER = {"a.conf": "1", "b.conf": "1"}, {"a.conf": "2", "b.conf": "1"}


def planned(on_change, *, read=OLD, content=None, past=None, one=None, **fields):
    one = one or item(hash_="v1:web", config_files={"on_change": on_change})
    live = replace(of(one, **fields), files=OLD)
    known = Past(known=True, good=Revision(one.hash, one.spec), read=Read(live.id, read, BEFORE))
    found = facts([one], [live], {"web": replace(known, **(past or {}))})
    return plan(told_apart(replace(found, contents={"web": content or Content("s1", NEW, AFTER)})), RULES)


@pytest.mark.parametrize(
    ("on_change", "steps"),
    [
        ("signal:HUP", ["signal web with SIGHUP"]),
        ({"signal": "USR1"}, ["signal web with SIGUSR1"]),
        ({"exec": ["kolla_set_configs", "--secret"]}, ["exec on_change in web"]),
        ("restart", ["stop web", "start web"]),
    ],
)
def test_t091_a_change_does_what_the_definition_says(on_change, steps):
    """The same container reads its files again, and that it has is recorded afterwards (T-091)."""
    [lane] = planned(on_change).lanes
    record = f"record config files {short(NEW)} as read by web"
    assert str(lane).splitlines() == ["web: files-changed (a.conf)", *(f"  {step}" for step in [*steps, record])]
    assert not lane.repair


def test_none_does_nothing():
    """The files are watched and their change costs nothing."""
    made = planned("none")
    assert made.lanes == ()
    assert made.statuses["web"].settled


@pytest.mark.parametrize("on_change", ["signal:HUP", {"exec": ["true"]}, "restart"])
def test_t092_each_change_is_applied_once(on_change):
    """What is recorded as read is not read again (T-092)."""
    assert planned(on_change, read=NEW).lanes == ()


def test_t091_what_does_not_run_is_not_told():
    """It reads its files when it is started, and then that is recorded."""
    [lane] = planned("signal:HUP", state="exited", exit_code=1).lanes
    assert [str(step) for step in lane.steps] == ["start web", f"record config files {short(NEW)} as read by web"]


def test_files_that_are_being_written_are_not_read_yet():
    """The reload waits for the last of them, too."""
    made = planned("signal:HUP", content=Content("s1", NEW, AFTER, until=NOW + 5))
    assert made.lanes == ()
    status = made.statuses["web"]
    assert (status.reason, status.settled) == ("its config files are being written", False)
    assert made.look_again_at == NOW + 5


def test_files_that_are_being_written_hold_up_no_verdict():
    """In probation that is what is told, and when it ends is looked again, however long the writing takes."""
    one = item(hash_="v1:web", config_files={"on_change": "signal:HUP"})
    on_trial = trial(of(one), NOW - 300, healthy_at=NOW - 298)
    past = {"good": Revision("v1:old", one.spec), "trial": on_trial}
    made = planned("", one=one, past=past, content=Content("s1", NEW, AFTER, until=NOW + 5))
    status = made.statuses["web"]
    assert (status.reason, status.settled, made.look_again_at) == ("healthy, in probation", False, NOW + 2)


def test_a_new_container_says_what_it_was_made_to_read_where_no_revision_does():
    """So a change that comes before anybody has remembered that is seen as one."""
    one = item(hash_="v1:web", config_files={"on_change": "signal:HUP"})
    found = replace(facts([one]), contents={"web": Content("s1", NEW, AFTER)})
    [lane] = plan(told_apart(found), RULES).lanes
    assert [step.files for step in lane.steps if hasattr(step, "config_id")] == [NEW]


def test_a_reload_that_failed_is_told_and_puts_off_nothing_but_itself():
    """The container runs on as it was, the state says what failed, and it is tried again later."""
    failed = attempt(f"config files {short(NEW)}", error="cannot exec on_change in web: exit code 1", refused=True)
    made = planned({"exec": ["true"]}, past={"update": failed})
    assert made.lanes == ()
    status = made.statuses["web"]
    assert (status.state.value, status.until) == ("failed", failed.next_at)
    assert "exit code 1; it runs on as it is" in status.reason
    down = planned({"exec": ["true"]}, past={"update": failed}, state="exited", exit_code=1)
    assert "start web" in str(down)


def test_a_container_on_trial_reads_its_files_again_as_well():
    """A change in probation is not kept from it."""
    one = item(hash_="v1:web", config_files={"on_change": "signal:HUP"})
    on_trial = trial(of(one), healthy_at=NOW)
    made = planned("", one=one, past={"good": Revision("v1:old", one.spec), "trial": on_trial})
    assert "signal web with SIGHUP" in str(made)


def test_a_command_is_in_no_text():
    """What is run inside a container stays with its definition."""
    assert "kolla_set_configs" not in str(planned({"exec": ["kolla_set_configs"]}))


def test_what_could_not_run_with_files_that_are_others_now_is_started_again():
    """Whatever its restart policy: it was the files it ended for; with those it has read it is not started twice."""
    one = item(hash_="v1:web", restart="no")
    good = Revision(f"v1:web+{OLD}", one.spec)
    mended = Content("s1", OLD, BEFORE)
    fields = {"one": one, "content": mended, "state": "exited", "exit_code": 3, "past": {"good": good}}
    [lane] = planned("", read=NEW, **fields).lanes
    assert [str(step) for step in lane.steps] == ["start web", f"record config files {short(OLD)} as read by web"]
    assert planned("", read=OLD, **fields).lanes == ()
    assert planned("", read=NEW, **{**fields, "exit_code": 0}).lanes == ()
