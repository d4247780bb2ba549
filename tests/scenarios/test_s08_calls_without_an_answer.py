"""S-08: an engine that accepts calls and never answers them, all or some, or only says that it is in trouble."""

import pytest

from tests.functional.faults import EACH, Fault, What
from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

NEW = {"environment": {"V": "2"}}
STUCK = ("a", "b", "c", "d", "e")  # one more than the lanes that run at once


def upgraded(node, name):
    return node.running(name) and "V=2" in node.inspect(name)["Config"]["Env"]


def good_ones(scenario, *names, patience=2):
    with scenario.step(f"{', '.join(names)} run well") as node:
        scenario.configure(engine__call_timeout_seconds=patience)
        node.start()
        node.write("app", {name: service(stop_grace_period=1) for name in names})
        node.write("other", {"other": service()})
        node.proves()
        return node.ids()


def others_go_on(scenario):
    with scenario.step("the other names go on meanwhile, the old and the new") as node:
        node.write("other", {"other": service(**NEW), "late": service()})
        node.eventually(lambda: upgraded(node, "other") and node.running("late"))
        node.becomes("running", "other", "late")


def recovers(scenario, daemon):
    with scenario.step("answered again, everything is done by the same daemon") as node:
        scenario.proxy.calm()
        node.proves()
        assert node.pid == daemon
    scenario.holds()


def test_s08_an_engine_that_never_answers_is_away_and_nobody_is_dead(scenario):
    """Everything is unknown, nothing is judged or lost, and what was asked for meanwhile is done in the end."""
    before = good_ones(scenario, "web")
    with scenario.step("no call is answered any more: everything is unknown") as node:
        daemon = node.pid
        scenario.proxy.arm(Fault(EACH, What.HANG, on="."))
        node.eventually(lambda: set(node.states().values()) == {"unknown"})
        assert node.get("/v1/containers")["engine"] == "away"
        assert node.status_of("/readyz")[0] == 503
        assert node.status_of("/healthz")[0] == 200
    with scenario.step("what is asked for now waits, and what runs is left alone") as node:
        node.write("app", {"web": service(stop_grace_period=1, **NEW)})
        node.eventually(lambda: node.get("/v1/containers")["generation"] == 3)
        assert node.ids() == before
        assert scenario.proxy.counted() == []
    recovers(scenario, daemon)
    assert scenario.node.detail("web")["rejected"] == []


def test_s08_one_container_that_cannot_be_asked_about_is_unknown_alone(scenario):
    """Its inspect hangs: it is neither dead nor repaired until the engine tells of it."""
    before = good_ones(scenario, "web")
    with scenario.step("web ends, and the engine does not say what became of it") as node:
        daemon = node.pid
        scenario.proxy.arm(Fault(EACH, What.HANG, on=f"^GET /containers/{before['web']}/json"))
        node.by_hand("POST", "web", "stop?t=0")
        node.becomes("unknown", "web")
    others_go_on(scenario)
    with scenario.step("nothing was done to what is unknown") as node:
        assert node.state("web") == "unknown"
        assert not node.running("web")
        assert node.id("web") == before["web"]
    recovers(scenario, daemon)
    assert scenario.node.id("web") == before["web"]


def test_s08_a_create_that_hangs_costs_its_own_name_only(scenario):
    """The others are made meanwhile; the one is made once (T-121)."""
    good_ones(scenario, "web")
    with scenario.step("the create of one name gets no answer") as node:
        daemon = node.pid
        scenario.proxy.arm(Fault(EACH, What.HANG, on=f"create.*name={node.full('slow')}"))
        node.write("slow", {"slow": service()})
        node.eventually(scenario.proxy.fired.is_set)
    others_go_on(scenario)
    assert "slow" not in scenario.node.ps()
    recovers(scenario, daemon)
    assert scenario.node.actions("slow").count("create") == 1


def test_s08_stops_that_hang_cost_their_own_names_only(scenario):
    """More of them than there are lanes at once still leave room for the others."""
    before = good_ones(scenario, *STUCK)
    with scenario.step("five are to be replaced, and none of their stops is answered") as node:
        daemon = node.pid
        ids = "|".join(before[name] for name in STUCK)
        scenario.proxy.arm(Fault(EACH, What.HANG, on=f"/containers/({ids})/stop"))
        node.write("app", {name: service(stop_grace_period=1, **NEW) for name in STUCK})
        node.eventually(lambda: scenario.proxy.seen("/stop$") >= len(STUCK))
    others_go_on(scenario)
    with scenario.step("the five still run, kept under the name they are to rest by") as node:
        kept = {name: f"{name}.prev" for name in STUCK}
        assert all(node.running(kept[name]) and node.id(kept[name]) == before[name] for name in STUCK)
        assert all(node.detail(name)["rejected"] == [] for name in STUCK)
    recovers(scenario, daemon)


def test_s08_an_engine_that_answers_503_condemns_nothing(scenario):
    """What it could not do just now is done later, and no revision is rejected for it."""
    names = ("a", "b", "c")
    before = good_ones(scenario, *names, patience=30)
    with scenario.step("each of three replacements meets an engine in trouble, at another call") as node:
        calls = (f"create.*name={node.full('a')}", f"/rename.*name={node.full('b')}.prev", "/start$")
        scenario.proxy.arm(*(Fault(1, What.ANSWER, on=call, status=503) for call in calls))
        node.write("app", {name: service(stop_grace_period=1, **NEW) for name in names})
    with scenario.step("they go through all the same") as node:
        node.proves()
        assert all(scenario.proxy.seen(call) for call in calls)
        assert all(node.id(name) != before[name] and upgraded(node, name) for name in names)
        assert all(node.detail(name)["rejected"] == [] for name in names)
    scenario.holds()
