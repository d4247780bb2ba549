"""Containers come up, are replaced one by one, and every replacement keeps the good one until it is proven."""

import pytest

from tests.functional.node import running_script, service, task

pytestmark = pytest.mark.engine


def test_a_node_comes_up_step_by_step_and_in_start_order(node):
    """Steps are ordered across files and start orders within one, and each waits for the one before (T-060, T-061)."""
    node.write("late", {"api": service()}, step=3)
    node.write("early", {"db": service()}, step=1)
    node.write(
        "middle",
        {"second": task("exit 0", start_order=2), "first": task("exit 0", start_order=1)},
        step=2,
    )
    node.start()
    node.proves()
    starts = [node.short(one.name) for one in node.story.told() if one.action == "start"]
    assert starts == ["db", "first", "second", "api"]


def test_nothing_is_touched_when_nothing_has_changed(started):
    """An unchanged definition costs no container anything, whatever order its keys are in (T-003)."""
    started.write("app", {"web": service(environment={"A": "1", "B": "2"}), "db": service()})
    started.proves()
    before = started.ids()
    turned_round = {"environment": {"B": 2, "A": 1}, "restart": "always", "net": "none", "image": service()["image"]}
    started.write("app", {"db": service(), "web": turned_round})
    started.proves()
    started.passes()
    assert started.ids() == before
    assert started.lanes() == []


def test_a_changed_container_is_replaced_alone(started):
    """Changing one definition replaces that container and leaves its siblings' ids as they were (T-003, T-013)."""
    started.write("app", {"web": service(), "db": service(), "cache": service()})
    started.proves()
    before = started.ids()
    started.write("app", {"web": service(environment={"V": "2"}), "db": service(), "cache": service()})
    started.proves()
    after = started.ids()
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"web"}
    started.check_never_two_running()


def test_the_old_container_runs_while_the_new_one_is_prepared_and_is_kept_until_it_is_proven(make_node):
    """A replacement is created first, then the old one is stopped, kept as NAME.prev, and removed once the new one has
    proven itself; what has the name in the end is what the name's logs are of (T-006, T-059).
    """
    node = make_node(rollout__probation_seconds=3)
    node.start()
    node.write("app", {"web": service()})
    node.proves()
    old = node.id("web")
    seen = len(node.actions("web"))
    node.write("app", {"web": service(environment={"V": "2"})})
    node.becomes("proving", "web")
    assert node.id("web.prev") == old
    assert not node.running("web.prev")
    assert node.inspect("web.prev")["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")
    node.proves()
    told = [(one.action, "old" if one.id == old else "new") for one in node.happenings("web")[seen:]]
    told = [one for one in told if one[0] in ("create", "start", "die", "destroy")]
    assert told == [("create", "new"), ("die", "old"), ("start", "new"), ("destroy", "old")]
    assert node.ps().keys() == {"web"}
    assert node.inspect("web")["Config"]["Labels"]["container_name"] == node.full("web")
    assert node.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "always"
    node.check_never_two_running()


def test_the_stop_signal_and_the_grace_period_of_the_old_container_are_respected(started):
    """A container that is replaced gets its own signal and the time it asked for, and is never killed first (T-010,
    T-116).
    """
    ends_slowly = "trap 'sleep 1; exit 7' USR1; trap '' TERM; while :; do sleep 0.1; done"
    old = running_script(ends_slowly, stop_signal="SIGUSR1", stop_grace_period="10s")
    started.write("app", {"web": old})
    started.proves()
    first = started.id("web")
    started.write("app", {"web": {**old, "environment": {"V": "2"}}})
    started.becomes("running", "web")
    told = [one for one in started.happenings("web") if one.id == first]
    kills = [one.labels.get("signal") for one in told if one.action == "kill"]
    died = [one.labels.get("exitCode") for one in told if one.action == "die"]
    assert kills == ["10"]
    assert died == ["7"]


def test_what_the_engine_changes_in_place_needs_no_new_container(started):
    """A new restart policy or memory limit is set on the living container (T-054)."""
    started.write("app", {"web": service(mem_limit="64m")})
    started.proves()
    before = started.id("web")
    started.write("app", {"web": service(mem_limit="96m", restart="unless-stopped")})
    started.settles()
    host = started.inspect("web")["HostConfig"]
    assert started.id("web") == before
    assert host["Memory"] == 96 * 1024 * 1024
    assert host["RestartPolicy"]["Name"] == "unless-stopped"


def test_limits_taken_out_of_a_definition_are_lifted_on_the_living_container(started):
    """What the engine lifts is lifted at once and once; what it cannot lift is told of a settled container."""
    limits = {"pids_limit": 20, "mem_reservation": "32m", "cpu_shares": 7, "cpus": 0.5, "cpuset_cpus": "0"}
    started.write("app", {"web": service(mem_limit="64m", **limits)})
    started.proves()
    before = started.id("web")
    started.write("app", {"web": service()})
    started.settles()
    host = started.inspect("web")["HostConfig"]
    lifted = {key: host[key] for key in ("PidsLimit", "MemoryReservation", "CpuShares", "CpuQuota")}
    assert lifted == {"PidsLimit": 0, "MemoryReservation": -1, "CpuShares": 1024, "CpuQuota": -1}
    assert host["CpusetCpus"] != "0"
    assert "memory is still limited to 67108864" in started.row("web")["reason"]
    updates = started.calls("update")
    started.passes(3)
    assert (started.id("web"), started.calls("update")) == (before, updates)


def test_a_value_the_engine_refuses_is_told_and_costs_no_restart(started):
    """The config has failed, the container runs on and is repaired as ever; another value is taken at once."""
    started.write("app", {"web": service(mem_limit="64m")})
    started.proves()
    before = started.id("web"), started.started_at("web")
    started.write("app", {"web": service(mem_limit="4k")})
    started.becomes("failed", "web")
    assert (started.id("web"), started.started_at("web")) == before
    assert "memory=4096" in started.row("web")["reason"]
    assert "Minimum memory limit" in started.row("web")["last_error"]
    assert started.get("/v1/configs/app")["failed"]
    assert [one["name"] for one in started.get("/v1/status")["wrong"]] == [started.full("web")]
    started.by_hand("POST", "web", "kill")
    started.eventually(lambda: started.running("web") and started.started_at("web") != before[1])
    started.write("app", {"web": service(mem_limit="96m")})
    started.settles()
    assert started.inspect("web")["HostConfig"]["Memory"] == 96 * 1024 * 1024
    assert started.id("web") == before[0]


def test_an_image_that_is_present_is_never_pulled(started):
    """No pull reaches the engine for an image that is there (T-009)."""
    started.write("app", {"web": service()})
    started.proves()
    assert started.calls("pull") == 0
    assert started.calls("create") == 1


def test_an_image_that_cannot_be_had_costs_nobody_anything(started):
    """Where the new image cannot be pulled the old container runs on, and the others go on (T-007, T-033, S-10)."""
    started.write("app", {"web": service(), "db": service()})
    started.proves()
    before = started.ids()
    missing = "localhost:1/nobody/has:this"
    started.write("app", {"web": service(missing), "db": service(environment={"V": "2"})})
    started.becomes("waiting", "web")
    started.eventually(lambda: started.id("db") not in ("", before["db"]))
    started.becomes("running", "db")
    assert started.id("web") == before["web"]
    assert started.running("web")
    assert missing in started.row("web")["last_error"]
    started.eventually(lambda: started.row("web")["next_attempt"])


def test_a_missing_bind_source_is_said_before_anything_is_stopped(started, tmp_path):
    """The container and the path are named, the old one runs on, no directory is made, and once the path is there the
    change goes through (T-028, T-047, T-048).
    """
    started.write("app", {"web": service()})
    started.proves()
    before = started.id("web")
    source = tmp_path / "not-there"
    started.write("app", {"web": service(volumes=[f"{source}:/data:ro"])})
    started.becomes("waiting", "web")
    assert str(source) in started.row("web")["last_error"]
    assert started.full("web") in started.row("web")["last_error"]
    assert started.id("web") == before
    assert started.running("web")
    assert not source.exists()
    source.mkdir()
    started.ask_to("retry", "web")
    started.proves()
    assert started.id("web") != before


def test_a_named_volume_is_made_by_the_engine_and_outlives_its_container(started, docker):
    """Named volumes are accepted without being there, and are never removed by us (T-047, T-051)."""
    volume = started.full("data")
    started.write("app", {"web": service(volumes=[f"{volume}:/data"])})
    started.proves()
    started.delete("app")
    started.eventually(lambda: not started.ps())
    assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == volume
    docker("volume", "rm", volume)


def test_containers_that_are_one_shots_by_policy_are_started_once(started):
    """Detached and without a restart policy, exit code 0 is success and not a crash."""
    started.write("app", {"init_logs": service(restart="no", command=["true"])})
    started.becomes("succeeded", "init_logs")
    started.passes(3)
    assert started.actions("init_logs").count("start") == 1
    assert started.get("/v1/containers")["settled"]


def test_a_dependent_waits_for_the_health_of_what_it_depends_on(started, tmp_path):
    """``depends_on`` with a condition holds a container back until it is met, and says by whom."""
    flag = tmp_path / "flags"
    flag.mkdir()
    db = service(
        volumes=[f"{flag}:/flags:ro"], healthcheck={"test": "test -e /flags/up", "interval": "1s", "retries": 100}
    )
    started.write("app", {"db": db, "web": service(depends_on={"db": {"condition": "healthy"}})})
    started.becomes("blocked", "web")
    assert started.row("web")["blocked_by"] == [started.full("db")]
    assert "web" not in started.ps()
    (flag / "up").touch()
    started.proves()
