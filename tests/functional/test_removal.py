"""What is no longer declared goes, in reverse order, unless it is suspiciously much; what is not ours stays."""

import pytest

from tests.functional.node import running_script, service

pytestmark = pytest.mark.engine


def services(count):
    return {f"c{number}": service() for number in range(count)}


def test_what_is_no_longer_declared_is_removed_and_nothing_else(started):
    """Taking a name out of its file, or the file away, removes exactly those containers (T-001, T-004, T-013)."""
    started.write("app", {"web": service(), "db": service(), "app": service()})
    started.write("other", {"cache": service()})
    started.proves()
    before = started.ids()
    started.write("app", {"web": service(), "app": service()})
    started.eventually(lambda: started.ps().keys() == {"web", "app", "cache"})
    started.delete("app")
    started.eventually(lambda: started.ids() == {"cache": before["cache"]})
    started.settles()
    assert started.states() == {"cache": "running"}


def test_what_was_removed_does_not_come_back(started):
    """A container of a removed file is not brought back by anything remembered of it (T-019)."""
    started.write("app", {"web": service()})
    started.write("other", {"cache": service()})
    started.proves()
    started.delete("app")
    started.eventually(lambda: started.ps().keys() == {"cache"})
    started.restart()
    started.passes()
    assert started.ps().keys() == {"cache"}


def test_several_configs_can_go_at_once_and_all_of_them(make_node):
    """Zero, one or many files may vanish; none left means that everything of ours goes (T-002)."""
    node = make_node(removal_guard__count=100)
    node.start()
    node.passes()
    for name in ("one", "two", "three"):
        node.write(name, {f"{name}-web": service()})
    node.proves()
    for name in ("one", "two", "three"):
        node.delete(name)
    node.eventually(lambda: not node.ps())


def test_removal_is_in_reverse_order(started):
    """The last step goes first, and within it the highest start order."""
    started.write("early", {"db": service()}, step=1)
    started.write("late", {"api": service(start_order=1), "agent": service(start_order=2)}, step=2)
    started.write("stays", services(3))
    started.proves()
    started.delete("early")
    started.delete("late")
    started.eventually(lambda: started.ps().keys() == services(3).keys())

    def gone():
        return [started.short(one.name) for one in started.story.told() if one.action == "destroy"]

    started.eventually(lambda: len(gone()) >= 3)  # the engine tells a little after it has done
    assert gone() == ["agent", "api", "db"]


def test_a_removed_container_is_stopped_with_its_signal_and_grace_before_it_goes(started):
    """Removal asks first and does not kill what ends by itself (T-010)."""
    started.write("app", {"web": running_script("trap 'exit 7' USR1; while :; do sleep 0.1; done", stop_signal="USR1")})
    started.proves()
    started.delete("app")
    started.eventually(lambda: not started.ps())
    died = [one.labels.get("exitCode") for one in started.happenings("web") if one.action == "die"]
    assert died == ["7"]


def test_containers_of_nobody_and_of_other_owners_are_never_touched(started):
    """Whatever carries no label of ours stays, also when everything of ours goes (T-014, T-015, T-113)."""
    foreign = {
        "bare": started.make_foreign("bare"),
        "paunch": started.make_foreign("paunch", managed_by="paunch", config_id="app", container_name="web"),
        "near": started.make_foreign("near", managed_by=f"{started.owner}-2", container_name="near"),
    }
    since = {name: started.started_at(name) for name in foreign}
    started.write("app", {"web": service()})
    started.proves()
    started.delete("app")
    started.eventually(lambda: started.ids() == foreign)
    started.passes()
    assert {name: started.started_at(name) for name in foreign} == since
