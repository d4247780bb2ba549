"""Who has something to prove at this look, and by which gate (behaviour, section 7)."""

from dataclasses import replace

from paunchd.reconcile.model import Past, Probe
from paunchd.reconcile.plan import trials
from tests.unit.places import NOW, RULES, facts, good, item, of
from tests.unit.plans import trial

OLD = item(image="stub:1", hash_="v1:old")
NEW = item(image="stub:2", hash_="v1:new")
NEVER_GOOD = Past(known=True)


def remembered(*args, **more):
    return trials(facts(*args, **more), RULES)


def test_a_container_on_trial_is_remembered_and_a_good_one_is_not():
    """One has everything to prove and the other nothing, whichever comes first."""
    base, other = item("base"), item("other")
    for items in ([base, NEW, other], [NEW, other, base]):
        found = remembered(items, [of(one) for one in items], {"base": good(base), "other": good(other)})
        assert found == {"web": trial(of(NEW))}


def test_what_is_only_prepared_has_no_trial_and_keeps_none_from_the_others():
    """Its time begins when it is started."""
    base, api = item("base"), item("api")
    found = remembered([NEW, base, api], [of(NEW, state="created"), of(api)], {})
    assert list(found) == ["api"]


def test_a_trial_goes_on_from_look_to_look():
    """Its beginning stays, and what is seen now is added."""
    begun = trial(of(NEW), NOW - 2)
    assert remembered([NEW], [of(NEW)], {"web": replace(NEVER_GOOD, trial=begun)}) == {
        "web": replace(begun, healthy_at=NOW)
    }


def test_a_passed_health_test_counts_for_the_container_it_was_run_in():
    """A result is found by the container's id."""
    tested = item(healthcheck={"test": "true"}, hash_="v1:new")
    passed = remembered([tested], [of(tested)], {}, probes={"id-web": Probe(True)})
    elsewhere = remembered([tested], [of(tested)], {}, probes={"id-other": Probe(True)})
    assert (passed["web"].healthy_at, elsewhere["web"].healthy_at) == (NOW, None)


def test_the_definition_on_trial_sets_the_gate():
    """A definition that asks for less time is healthy sooner."""
    hasty = item(rollout={"min_healthy_seconds": 0}, hash_="v1:new")
    assert remembered([hasty], [of(hasty)], {})["web"].healthy_at == NOW


def test_with_the_store_lost_what_runs_is_judged_by_the_settings_alone():
    """The desired definition is another one's, and its health test and times say nothing of what runs."""
    for new in (item(rollout={"min_healthy_seconds": 0}), item(healthcheck={"test": "true"})):
        memory = {"web": Past(trial=trial(of(OLD), NOW - 1))}
        assert remembered([new], [of(OLD)], memory)["web"].healthy_at is None
        memory = {"web": Past(trial=trial(of(OLD), NOW - 2))}
        assert remembered([new], [of(OLD)], memory)["web"].healthy_at == NOW


def test_a_task_is_timed_by_its_container():
    """When it was first seen running is what its timeout counts from."""
    sync = item("sync", detach=False, restart="no")
    assert remembered([sync], [of(sync, kind="task")], {}) == {"sync": trial(of(sync))}
    assert remembered([sync], [], {}) == {}
