"""What waits for nobody: repair, rollback, verdicts and what has begun, as plans (behaviour, section 5)."""

from dataclasses import replace

import pytest

from paunchd.reconcile.model import Health, Past, Result
from tests.unit.places import NOW, good, item, of
from tests.unit.plans import blocked, planned, trial

SYNC = item("sync", "tripleo_step3", step=3, detach=False, restart="no")
API = item("api", "tripleo_step4", step=4)
NEW_API = item("api", "tripleo_step4", step=4, image="stub:2")
FAILED = {"sync": Past(known=True, results={SYNC.hash: Result(succeeded=False, exit_code=1)})}


def behind_failure(*api_containers, api, past):
    """*api* in step 4 behind a task of step 3 that failed."""
    return planned([SYNC, api], api_containers, FAILED | {"api": past})


@pytest.mark.parametrize(
    ("containers", "last"),
    [
        ([], "start api"),
        ([of(API, state="exited", exit_code=143)], "start api"),
        ([of(API, state="paused")], "unpause api"),
        ([of(API, engine_name="elsewhere")], "restore elsewhere to api"),
    ],
    ids=["gone", "stopped", "paused", "renamed"],
)
def test_repair_is_never_blocked(containers, last):
    """A proven container that somebody stopped or removed comes back whatever failed before it."""
    made = behind_failure(*containers, api=API, past=good(API))
    assert str(made.lanes[0].steps[-1]) == last


@pytest.mark.parametrize(
    ("containers", "first"),
    [
        ([], "pull stub:1 unless present"),
        ([of(API, state="exited", exit_code=143)], "start api"),
        ([of(API, engine_name="elsewhere")], "restore elsewhere to api"),
    ],
    ids=["gone", "stopped", "renamed"],
)
def test_a_blocked_change_does_not_keep_the_good_one_down(containers, first):
    """Where the new revision has to wait, the good one that went missing comes back meanwhile."""
    made = behind_failure(*containers, api=NEW_API, past=good(API))
    assert str(made.lanes[0].steps[0]) == first
    assert made.lanes[0].revision == API.hash
    assert made.lanes[0].repair
    assert not made.statuses["api"].settled


def test_a_blocked_change_leaves_the_good_one_running():
    """While it waits, a change does not even pull."""
    made = behind_failure(of(API), api=NEW_API, past=good(API))
    assert str(made) == ""
    assert blocked(made) == {"api": ("sync",)}


def test_a_half_made_switch_is_never_blocked():
    """Once the old container is stopped the switch is finished, whatever fails meanwhile."""
    kept = of(API, engine_name="api.prev", state="exited", actual_restart="no")
    for halfway in (of(NEW_API, engine_name="api.next", state="created"), of(NEW_API, state="created")):
        made = behind_failure(kept, halfway, api=NEW_API, past=good(API))
        assert str(made.lanes[0].steps[-1]) == "start api"


def test_rollback_is_never_blocked():
    """Taking a failure back waits for nobody."""
    kept = of(API, engine_name="api.prev", state="exited", actual_restart="no")
    past = good(API, rejected={NEW_API.hash: "oom"})
    made = behind_failure(kept, of(NEW_API), api=NEW_API, past=past)
    assert str(made).startswith("api: rollback (oom)\n  stop api")


def test_a_verdict_is_never_blocked():
    """What has begun is judged: proven or rejected, whatever failed before it."""
    live = of(NEW_API, health=Health.UNHEALTHY)
    kept = of(API, engine_name="api.prev", state="exited", actual_restart="no")
    past = replace(good(API), trial=trial(live, healthy_at=NOW))
    made = behind_failure(live, kept, api=NEW_API, past=past)
    assert str(made).startswith("api: verdict\n  reject")


def test_an_unchanged_container_behind_a_failure_stays_settled():
    """A failure blocks changes; what runs as desired is not concerned."""
    made = behind_failure(of(API), api=API, past=good(API))
    assert made.statuses["api"].settled
