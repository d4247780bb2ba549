"""S-17: what a person does to containers by hand."""

import pytest

from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

HANDS = {
    "removed": ("DELETE", "?force=1"),
    "stopped": ("POST", "/stop?t=0"),
    "killed": ("POST", "/kill"),
    "paused": ("POST", "/pause"),
    "renamed": ("POST", "/rename?name={prefix}mine"),
}
AN_HOUR = 3600


@pytest.fixture
def good(scenario):
    """A container for each hand; only an event can tell the daemon anything, for it does not look again by itself."""
    scenario.node.configure(reconcile__resync_seconds=AN_HOUR, reconcile__slow_resync_seconds=1)
    with scenario.step("five good containers run, and one nobody touches") as node:
        node.start()
        node.write("app", {name: service() for name in (*HANDS, "db")})
        node.proves()
    return scenario


def as_they_are(node):
    return {name: (node.id(name), node.started_at(name)) for name in node.ps()}


def lay_hands_on(scenario):
    node = scenario.node
    scenario.destroyed_by_hand(node.id("removed"))
    for name, (method, action) in HANDS.items():
        node.engine.call(method, f"/containers/{node.full(name)}{action.format(prefix=node.prefix)}")


def is_put_right(node, before):
    """Each has its name and runs, by the least that could be done."""

    def up():
        return all(node.running(name) for name in (*HANDS, "db"))

    node.eventually(up)
    node.proves()
    after = as_they_are(node)
    assert after.keys() == before.keys()
    same = {name for name in before if after[name] == before[name]}
    assert same == {"paused", "renamed", "db", "foreign"}
    assert {name for name in before if after[name][0] == before[name][0]} == same | {"stopped", "killed"}


def test_s17_what_is_done_by_hand_is_seen_at_once_and_put_right(good):
    """Stopped or killed it is started, paused it goes on, renamed it has its name again, and only what is gone is made
    again (T-016, T-025, T-114).
    """
    before = as_they_are(good.node)
    with good.step("somebody removes, stops, kills, pauses and renames them"):
        lay_hands_on(good)
    with good.step("each is put right, by the least that could be done") as node:
        is_put_right(node, before)
    good.holds()


def test_s17_what_is_set_by_hand_is_set_back_at_the_slow_look(good):
    """The engine's list does not tell of a policy or a limit, so they are looked at now and then (T-054)."""
    with good.step("somebody changes the restart policy and the memory limit of a container") as node:
        before = as_they_are(node)
        changed = {"RestartPolicy": {"Name": "no"}, "Memory": 64 << 20, "MemorySwap": 64 << 20}
        node.engine.call("POST", f"/containers/{node.full('stopped')}/update", changed)
    with good.step("the policy is as declared again, and the container has not noticed"):

        def as_declared():
            node.passes(1)
            return node.inspect("stopped")["HostConfig"]["RestartPolicy"]["Name"] == "always"

        node.eventually(as_declared)
        assert as_they_are(node) == before
    good.holds()


def test_s17_a_hold_is_respected_until_it_is_released(good):
    """What a person works on is left alone, by the next daemon as well, and says how that ends (T-114)."""
    before = as_they_are(good.node)
    with good.step("a person holds the containers, and lays hands on them") as node:
        for name in HANDS:
            node.ask_to("hold", name)
        lay_hands_on(good)
    with good.step("they are held, and each says what ends that"):
        node.becomes("held", *HANDS)
        assert all("paunchctl release" in node.row(name)["reason"] for name in HANDS)
    with good.step("a changed definition is not taken either"):
        node.write("app", {name: service(environment={"V": "2"}) for name in (*HANDS, "db")})
        node.becomes("running", "db")
        node.becomes("held", *HANDS)
    with good.step("nor does the next daemon touch them"):
        node.restart()
        node.passes()
        node.becomes("held", *HANDS)
        left = as_they_are(node)
        assert left.keys() == before.keys() - {"removed", "renamed"} | {"mine"}
        assert {name for name in left if node.running(name)} == {"mine", "db", "foreign"}
    with good.step("released as they were declared, they are put right"):
        node.write("app", {name: service() for name in HANDS} | {"db": service(environment={"V": "2"})})
        for name in HANDS:
            node.ask_to("release", name)
        is_put_right(node, before | {"db": left["db"]})
    good.holds()
