"""S-14: new versions that fail, each in its own way."""

import pytest

from tests.scenarios.scenario import running_script, service

pytestmark = pytest.mark.engine

GETS_SICK = {"test": "test ! -e /tmp/sick", "interval": "1s", "retries": 1, "timeout": "2s"}
LONG = {"probation_seconds": 600}  # however slow the host, none is proven before it fails
FAULTY = {
    "exits": running_script("echo no such option: frob >&2; exit 3", restart="no", rollout=LONG),
    "early": running_script("sleep 0.9; exit 4", restart="no", rollout={**LONG, "min_healthy_seconds": 1}),
    "sick": service(healthcheck=GETS_SICK, rollout=LONG),
    "hungry": running_script("x=x; while :; do x=$x$x; done", mem_limit="8m", memswap_limit="8m", rollout=LONG),
    "loops": running_script("exit 5", rollout={**LONG, "max_restarts": 1}),
}
SAID = {
    "exits": "exited with code 3",
    "early": "exited with code 4",
    "sick": "became unhealthy in probation",
    "hungry": "out of memory",
    "loops": "restarted 2 times, 1 allowed",
}


def starts(node):
    return {name: node.actions(name).count("start") for name in FAULTY}


def test_s14_a_version_that_fails_is_rolled_back_and_not_tried_again(scenario):
    """Whatever is wrong with it, the very container that was good comes back, evidence is kept of what failed, and the
    version rests until it changes or somebody asks for it (T-035, T-068, T-110).
    """
    with scenario.step("five good containers run") as node:
        node.start()
        node.write("app", {name: service() for name in FAULTY})
        node.proves()
        good = node.ids()

    def back(*names):
        node.becomes("rolled-back", *names)
        node.eventually(lambda: all(node.id(name) == good[name] and node.running(name) for name in names))
        node.eventually(lambda: node.ids() == good)

    with scenario.step("each gets a version that fails, the last of them by getting sick when it is almost proven"):
        node.write("app", FAULTY)
        node.becomes("proving", "sick")
        node.run_in("sick", "touch", "/tmp/sick")
    with scenario.step("the very containers that were good are back, as they were declared"):
        back(*FAULTY)
        assert all(node.inspect(name)["HostConfig"]["RestartPolicy"]["Name"] == "always" for name in FAULTY)
    with scenario.step("each says what was wrong with its version, and what it showed is kept"):
        for name, said in SAID.items():
            row = node.row(name)
            assert said in row["reason"]
            assert row["running_hash"] != row["desired_hash"]
            assert not row["settled"]
            rejected = node.detail(name)["rejected"]
            assert [one["revision"] for one in rejected] == [row["desired_hash"]]
            assert any(event["event"] == "rejected" and said in event["detail"] for event in node.history(name))
        assert node.detail("exits")["rejected"][0]["exit_code"] == 3
        assert node.detail("exits")["rejected"][0]["logs"] == ["no such option: frob"]
        assert node.get("/v1/configs/app")["failed"]
        assert node.metric('paunchd_rollbacks_total{reason="exited"}') == 2
    with scenario.step("none of them is tried again, not even by the next daemon"):
        before = starts(node)
        node.restart()
        node.passes(3)
        assert set(node.states().values()) == {"rolled-back"}
        assert starts(node) == before
    with scenario.step("who asks for one has it tried once more"):
        node.ask_to("retry", "exits")
        node.eventually(lambda: starts(node)["exits"] == before["exits"] + 2)
        back("exits")
        assert starts(node) == {**before, "exits": before["exits"] + 2}
    with scenario.step("versions that are mended are taken"):
        node.write("app", {name: service(environment={"V": "3"}) for name in FAULTY})
        node.proves()
        assert all(node.id(name) != good[name] for name in FAULTY)
    scenario.holds()
