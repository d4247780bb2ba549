"""Whose health test is run while it proves itself (behaviour, section 7)."""

import pytest

from paunchd.reconcile.diff import diff
from paunchd.reconcile.gate import to_probe
from paunchd.reconcile.model import Past, Revision
from tests.unit.places import NOW, facts, good, item, of
from tests.unit.plans import trial

OLD = item(image="stub:1", healthcheck={"test": "old"}, hash_="v1:old")
NEW = item(image="stub:2", healthcheck={"test": "new"}, hash_="v1:new")
NEVER_GOOD = Past(known=True)


def probed(live, declared=(NEW,), past=NEVER_GOOD, **memory):
    """The health tests to run while *live* is the one on trial."""
    return to_probe(diff(facts(declared, [live], {"web": past})), {"web": trial(live, **memory)})


@pytest.mark.parametrize("state", ["running", "restarting", "paused"])
def test_a_started_container_that_is_not_healthy_yet_is_tested(state):
    """Its own test is run, and it is found by its id."""
    assert probed(of(NEW, state=state)) == {"id-web": NEW.spec.healthcheck}


@pytest.mark.parametrize("state", ["created", "exited", "dead"])
def test_what_does_not_run_is_not_tested(state):
    """There is nothing to run a command in."""
    assert probed(of(NEW, state=state)) == {}


def test_once_healthy_it_is_not_tested_any_more():
    """From then on the engine's own checks count."""
    assert probed(of(NEW), healthy_at=NOW) == {}


def test_without_a_health_test_there_is_nothing_to_run():
    """Time is then the proof."""
    plain = item(hash_="v1:new")
    assert probed(of(plain), [plain]) == {}


def test_what_nobody_declares_any_more_is_not_tested():
    """It is about to be removed."""
    assert probed(of(NEW), []) == {}


def test_a_trial_whose_container_is_gone_tests_nothing():
    """Another container under the name has a trial of its own."""
    known = {"web": trial(of(NEW, id="gone"))}
    assert to_probe(diff(facts([NEW], [of(NEW)], {"web": NEVER_GOOD})), known) == {}


@pytest.mark.parametrize("past", [NEVER_GOOD, good(item(healthcheck={"test": "x"}, hash_="v1:older"))])
def test_a_container_of_a_revision_nobody_remembers_is_not_tested(past):
    """Neither the desired nor the good one's test says anything about it."""
    assert probed(of(OLD), past=past) == {}


def test_a_good_revision_known_only_by_its_hash_has_no_test():
    """With the store lost there is no definition to take one from."""
    assert probed(of(OLD), past=Past(good=Revision("v1:old"))) == {}
