"""A new version that fails never costs the node its good container, and is not tried again until something changes."""

import pytest

from tests.functional.node import running_script, service

pytestmark = pytest.mark.engine

GETS_SICK = "while [ ! -e /tmp/go ]; do sleep 0.1; done; touch /tmp/sick; while :; do sleep 0.1; done"


def healthy_unless_sick(**keys):
    check = {"test": "test ! -e /tmp/sick", "interval": "1s", "retries": 1, "timeout": "2s"}
    return running_script("while :; do sleep 0.1; done", stop_signal="SIGKILL", healthcheck=check, **keys)


def come_up_good(node, **keys):
    """Bring up a good first version and return its container's id."""
    node.write("app", {"web": service(), **keys})
    node.proves()
    return node.id("web")


def rolled_back_to(node, good):
    """Wait until the very container that was good has the name and runs, with nothing left over."""
    node.becomes("rolled-back", "web")

    def back():
        return node.id("web") == good and node.running("web") and node.ps().keys() == {"web"}

    node.eventually(back)
    assert node.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "always"
    node.check_never_two_running()


def test_a_version_that_exits_at_once_is_rolled_back_to_the_same_container(started):
    """The kept container comes back by itself under its id, and evidence is kept of what failed (S-14, T-035)."""
    good = come_up_good(started)
    broken = running_script("echo starting; echo no such option: frob >&2; exit 3", restart="no")
    started.write("app", {"web": broken})
    rolled_back_to(started, good)
    row = started.row("web")
    assert "exited with code 3" in row["reason"]
    assert row["running_hash"] != row["desired_hash"]
    assert not row["settled"]
    assert started.get("/v1/configs/app")["failed"]
    rejected = [event for event in started.history("web") if event["event"] == "rejected"]
    assert rejected
    assert "exited with code 3" in rejected[0]["detail"]
    assert started.metric('paunchd_rollbacks_total{reason="exited"}') == 1


def test_a_version_that_loops_is_rolled_back_after_its_restarts(started):
    """Restarting more often than allowed is a failure, whatever the engine's restart policy would still do (T-068)."""
    good = come_up_good(started)
    started.write("app", {"web": running_script("exit 1", rollout={"max_restarts": 1})})
    rolled_back_to(started, good)
    assert "restarted" in started.row("web")["reason"]


def test_a_version_that_never_gets_healthy_is_rolled_back_at_its_deadline(started):
    """A health test that never passes holds the gate shut until the deadline, and then the good one is back (S-19)."""
    good = come_up_good(started)
    sick = service(healthcheck={"test": "false", "interval": "60s"}, rollout={"healthy_deadline_seconds": 1})
    started.write("app", {"web": sick})
    rolled_back_to(started, good)
    assert "not healthy within 1 s" in started.row("web")["reason"]


def test_a_version_that_turns_unhealthy_in_probation_is_rolled_back(make_node):
    """Healthy is not proven: what gets sick while it is watched goes back as well (S-14)."""
    node = make_node(rollout__probation_seconds=60)
    node.start()
    node.write("app", {"web": service(rollout={"probation_seconds": 0})})
    node.proves()
    good = node.id("web")
    node.write("app", {"web": healthy_unless_sick()})
    node.becomes("proving", "web")
    node.run_in("web", "touch", "/tmp/sick")
    rolled_back_to(node, good)
    assert "unhealthy" in node.row("web")["reason"]


def test_a_version_that_the_kernel_kills_for_its_memory_is_rolled_back(started):
    """Killed for using more memory than it may is a failure even where the policy would restart it (S-14)."""
    good = come_up_good(started)
    hungry = running_script("sleep 0.2; x=x; while :; do x=$x$x; done", mem_limit="8m", memswap_limit="8m")
    started.write("app", {"web": hungry})
    rolled_back_to(started, good)
    assert "memory" in started.row("web")["reason"]


def test_a_version_that_the_engine_refuses_to_make_is_rejected_and_the_good_one_is_never_touched(started):
    """What cannot be created costs no switch: the good container does not even stop."""
    good = come_up_good(started)
    since = started.started_at("web")
    started.write("app", {"web": service(cap_add=["NO_SUCH_CAPABILITY"])})
    rolled_back_to(started, good)
    assert started.started_at("web") == since
    assert "NO_SUCH_CAPABILITY" in started.row("web")["reason"]


def test_a_version_that_the_engine_refuses_to_start_is_rolled_back(started):
    """A command that is not there is found out at the start, and the good one comes back at once (T-035)."""
    good = come_up_good(started)
    started.write("app", {"web": service(command=["/no/such/program"])})
    rolled_back_to(started, good)
    assert "no such" in started.row("web")["reason"]


def test_a_rejected_version_is_held_until_it_changes(started):
    """The same version is not tried again, not even after a restart of the daemon; another one is."""
    good = come_up_good(started)
    broken = running_script("exit 3", restart="no")
    started.write("app", {"web": broken})
    rolled_back_to(started, good)
    starts = started.actions("web").count("start")
    started.restart()
    started.passes(3)
    assert started.state("web") == "rolled-back"
    assert started.actions("web").count("start") == starts
    started.write("app", {"web": service(environment={"V": "3"})})
    started.proves()
    assert started.id("web") != good


def test_a_rejected_version_is_tried_again_when_asked_to(started, tmp_path):
    """``retry`` gives it another chance, and where its cause is gone it stays (T-110)."""
    flags = tmp_path / "flags"
    flags.mkdir()
    good = come_up_good(started)
    needs_flag = running_script(
        "[ -e /flags/up ] || exit 4; while :; do sleep 0.1; done",
        restart="no",
        stop_signal="SIGKILL",
        volumes=[f"{flags}:/flags"],
    )
    started.write("app", {"web": needs_flag})
    rolled_back_to(started, good)
    (flags / "up").touch()
    started.ask_to("retry", "web")
    started.proves()
    assert started.id("web") != good


def test_taking_back_a_rejected_version_leaves_the_good_container_as_it_is(started):
    """Writing the good version again costs no restart: it already runs."""
    good = come_up_good(started)
    started.write("app", {"web": running_script("exit 3", restart="no")})
    rolled_back_to(started, good)
    starts = started.actions("web").count("start")
    started.write("app", {"web": service()})
    started.proves()
    assert started.id("web") == good
    assert started.actions("web").count("start") == starts


def test_a_rollback_whose_target_fails_as_well_is_parked(started, tmp_path):
    """Where the good one does not come up either, both facts are said, nothing flaps, and mending the host lets the
    good one come back (S-15).
    """
    flags = tmp_path / "flags"
    flags.mkdir()
    (flags / "up").touch()
    needs_host = service(command=["/flags/program"], volumes=[f"{flags}:/flags"])
    program = flags / "program"
    program.write_text("#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 0.1; done\n")
    program.chmod(0o755)
    started.write("app", {"web": needs_host})
    started.proves()
    good = started.id("web")
    program.rename(flags / "away")
    started.write("app", {"web": running_script("exit 3", restart="no")})
    started.becomes("parked", "web")
    reason = started.row("web")["reason"]
    assert "exited with code 3" in reason
    assert "good revision does not come up" in reason
    assert good in started.ids().values()
    (flags / "away").rename(program)
    rolled_back_to(started, good)


def test_the_first_version_of_a_container_is_never_rejected(started):
    """Without a good one to return to a crash loop goes on, is told, and may yet come up by itself (T-026, T-068)."""
    flag = "/tmp/second-start"
    comes_up_later = running_script(f"[ -e {flag} ] || {{ touch {flag}; exit 1; }}; exec sleep 3600", stop_signal="9")
    started.write("app", {"web": comes_up_later})
    started.proves()
    assert started.detail("web")["rejected"] == []


def test_a_failed_first_version_is_told_and_replaced_by_the_next(started):
    """A first version past its deadline is failed, and the next one takes its place without keeping it."""
    sick = service(healthcheck={"test": "false", "interval": "60s"}, rollout={"healthy_deadline_seconds": 1})
    started.write("app", {"web": sick})
    started.becomes("failed", "web")
    assert started.get("/v1/configs/app")["failed"]
    started.write("app", {"web": service()})
    started.proves()
    assert started.detail("web")["rejected"] == []


def test_an_upgrade_stops_at_the_first_step_that_does_not_come_back(started):
    """When a service of one step fails its upgrade, the services of later steps are not changed (T-111)."""
    started.write("one", {"db": service()}, step=1)
    started.write("two", {"api": service()}, step=2)
    started.proves()
    before = started.ids()
    started.write("one", {"db": running_script("exit 3", restart="no", environment={"V": "2"})}, step=1)
    started.write("two", {"api": service(environment={"V": "2"})}, step=2)
    started.becomes("rolled-back", "db")
    started.becomes("blocked", "api")
    assert started.row("api")["blocked_by"] == [started.full("db")]
    started.eventually(lambda: started.ids() == before)
