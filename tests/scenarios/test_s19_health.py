"""S-19: health that flaps, that comes late, and a test that never ends."""

import pytest

from tests.scenarios.scenario import running_script, service

pytestmark = pytest.mark.engine

HANGS = {"test": "sleep 3600", "interval": "60s", "timeout": "1s"}
FLAPS = {"test": "n=$(cat /tmp/n || echo 0); echo $((n + 1)) > /tmp/n; test $((n / 2 % 2)) = 0"}
QUICK = {"interval": "0.2s", "retries": 1, "timeout": "5s"}


def starts(node, *names):
    return {name: node.actions(name).count("start") for name in names}


def test_s19_health_that_flaps_is_no_storm_of_restarts(scenario):
    """A good container whose health comes and goes is left alone, and where it is to be restarted for that, with pauses
    that grow.
    """
    with scenario.step("two containers are good, and one of them is to be restarted when it is unhealthy") as node:
        node.start()
        stays = service(healthcheck={**FLAPS, **QUICK}, rollout={"probation_seconds": 0})
        node.write("app", {"stays": stays, "restarts": {**stays, "on_unhealthy": "restart"}})
        node.eventually(lambda: all(node.detail(name)["good_hash"] for name in ("stays", "restarts")))
    with scenario.step("their health comes and goes many times"):
        node.eventually(lambda: int(node.run_in("stays", "cat", "/tmp/n")) >= 20)
    with scenario.step("one was never restarted, the other a few times and says when the next time is"):
        assert starts(node, "stays") == {"stays": 1}
        node.eventually(lambda: node.detail("restarts")["attempts_failed"] >= 2)
        assert starts(node, "restarts")["restarts"] <= 1 + node.detail("restarts")["attempts_failed"]
        assert node.actions("restarts").count("create") == 1
        assert node.state("stays") == "running"
    with scenario.step("what does not flap any more is left alone"):
        node.write("app", {name: service() for name in ("stays", "restarts")})
        node.proves()
    scenario.holds()


def test_s19_a_slow_start_has_until_its_deadline(scenario):
    """One that is healthy shortly before its deadline is taken; one that is not goes back, when the deadline is over
    and not before.
    """
    with scenario.step("two good containers run") as node:
        node.start()
        node.write("app", {"slow": service(), "never": service()})
        node.proves()
        good = node.ids()
    with scenario.step("each gets a version that is not healthy for long, and one of them never is"):
        script = "sleep 3; touch /tmp/up; while :; do sleep 0.1; done"
        check = {"test": "test -e /tmp/up", "interval": "60s"}
        slow = running_script(script, stop_signal="SIGKILL", healthcheck=check)
        never = service(healthcheck={**check, "interval": "1s"}, rollout={"healthy_deadline_seconds": 2})
        node.write("app", {"slow": slow, "never": never})
    with scenario.step("the slow one is taken, at its first start"):
        node.eventually(lambda: node.id("slow") != good["slow"] and node.state("slow") == "running")
        new = [one for one in node.happenings("slow") if one.id == node.id("slow")]
        assert [one.action for one in new].count("start") == 1
    with scenario.step("the other is back, and says for how long it was waited for"):
        node.becomes("rolled-back", "never")
        node.eventually(lambda: node.id("never") == good["never"] and node.running("never"))
        assert "not healthy within 2 s" in node.row("never")["reason"]
    with scenario.step("a version that is mended is taken"):
        node.write("app", {"slow": slow, "never": service(environment={"V": "3"})})
        node.proves()
    scenario.holds()


def test_s19_a_test_that_never_ends_holds_up_nobody_else(scenario):
    """Its container goes back at its deadline, be that before the test's own time is over or after, and the tests of
    other containers are run meanwhile.
    """
    hanging = [f"hangs{number}" for number in range(5)]
    with scenario.step("good containers run") as node:
        node.start()
        node.write("app", {name: service() for name in (*hanging, "web")})
        node.proves()
        good = node.ids()
    with scenario.step("five get a test that never ends, and then one gets a good one"):
        sick = service(healthcheck=HANGS, rollout={"healthy_deadline_seconds": 6})
        never = service(healthcheck={**HANGS, "timeout": "600s"}, rollout={"healthy_deadline_seconds": 6})
        ill = dict.fromkeys(hanging, sick) | {hanging[0]: never}
        node.write("app", ill | {"web": service()})
        node.becomes("starting", *hanging)
        tested = service(healthcheck={"test": "true", "interval": "60s"}, rollout={"healthy_deadline_seconds": 6})
        node.write("app", ill | {"web": tested})
    with scenario.step("the good one is taken"):
        node.becomes("running", "web")
        assert node.id("web") != good["web"]
    with scenario.step("the others are back at their deadline"):
        node.becomes("rolled-back", *hanging)
        node.eventually(lambda: all(node.id(name) == good[name] and node.running(name) for name in hanging))
    with scenario.step("versions that are mended are taken"):
        node.write("app", {name: service() for name in hanging} | {"web": tested})
        node.proves()
    scenario.holds()
