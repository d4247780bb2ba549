"""The daemon as a process: how it starts, refuses to, ends, and what its absence or its engine's costs."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from tests.functional.node import Node, running_script, service, task

pytestmark = pytest.mark.engine


def paunchd(node, *, patience=30):
    """Run the daemon until it ends by itself."""
    command = [sys.executable, "-m", "paunchd", "--config", str(node.settings_file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)


def unmoved(node, before, since):
    node.passes()
    assert node.ids() == before
    assert {name: node.started_at(name) for name in before} == since


@pytest.fixture
def good(started):
    """A node with two proven containers, a task that is done, and where they began."""
    started.write("app", {"web": service(), "db": service(), "sync": task("exit 0")})
    started.proves()
    return started


def test_stopping_the_daemon_stops_nothing(good, capsys):
    """SIGTERM ends it with 0 while its containers run on, also while something is being done (T-071)."""
    before, since = good.ids(), {name: good.started_at(name) for name in good.ids()}
    slow = running_script("trap 'sleep 3; exit 0' TERM; while :; do sleep 0.1; done")
    good.write("slow", {"slow": slow})
    good.proves()
    good.write("slow", {"slow": {**slow, "environment": {"V": "2"}}})
    good.eventually(lambda: "kill" in good.actions("slow"))
    began = time.monotonic()
    assert good.stop() == 0
    with capsys.disabled():
        sys.stdout.write(f"\n  ended within {time.monotonic() - began:.2f} s")
    assert {name: good.ids()[name] for name in before} == before
    assert {name: good.started_at(name) for name in before} == since
    good.start()
    good.proves()
    good.check_never_two_running()


def test_a_restart_of_the_daemon_touches_nothing(good):
    """The next daemon finds everything as it is: no call but to look."""
    before, since = good.ids(), {name: good.started_at(name) for name in good.ids()}
    good.restart()
    good.proves()
    unmoved(good, before, since)
    assert [good.calls(verb) for verb in ("create", "start", "stop", "remove", "rename", "update")] == [0] * 6


def test_a_pass_over_an_unchanged_node_makes_one_list_call_and_nothing_else(make_node):
    """Nothing is inspected, pulled or changed where nothing has changed (T-074)."""
    node = make_node(reconcile__resync_seconds=0.2)
    node.start()
    node.write("app", {"web": service(), "db": service(), "sync": task("exit 0")})
    node.proves()

    def passes():
        return node.metric("paunchd_pass_duration_seconds_count")

    def counts_after(more):
        """Passes that nobody asks for: such a request would be a reason to inspect."""
        before = passes()
        node.eventually(lambda: passes() >= before + more)
        verbs = ("list", "inspect", "pull", "create", "start", "stop", "exec")
        return {verb: node.calls(verb) for verb in verbs}, passes()

    (calls, passes_then) = counts_after(3)
    (later, passes_now) = counts_after(5)
    assert later["list"] - calls["list"] <= passes_now - passes_then + 1
    assert {verb: later[verb] - calls[verb] for verb in calls if verb != "list"} == dict.fromkeys(
        set(calls) - {"list"}, 0
    )


def test_a_pass_that_is_asked_for_inspects_what_is_there(good):
    """Who asks for a look wants what people changed by hand to show: each container is inspected, and left alone."""
    before, since = good.ids(), {name: good.started_at(name) for name in good.ids()}
    good.passes()
    inspected = good.calls("inspect")
    good.passes(1)
    assert good.calls("inspect") >= inspected + len(before)
    unmoved(good, before, since)


def test_a_file_system_that_is_not_mounted_costs_no_container(good):
    """Where both the directory and the store are gone, as on a node that came up without a mount, nothing is removed
    until an operator says so, and nothing has happened once both are back (S-12, I6).
    """
    before, since = good.ids(), {name: good.started_at(name) for name in good.ids()}
    good.stop()
    away = {path: path.with_name(f"{path.name}-away") for path in (good.desired, good.state_dir)}
    for path, to in away.items():
        path.rename(to)
    good.start()
    good.eventually(lambda: set(good.states().values()) == {"held"})
    unmoved(good, before, since)
    good.stop()
    for path, to in away.items():
        if path.exists():
            path.rename(path.with_name(f"{path.name}-empty"))
        to.rename(path)
    good.start()
    good.proves()
    unmoved(good, before, since)


def test_losing_the_store_in_mid_replacement_keeps_the_good_container(make_node):
    """The kept container tells what was good, so a version that fails afterwards still goes back to it (I6)."""
    node = make_node(rollout__probation_seconds=60)
    node.start()
    node.write("app", {"web": service(rollout={"probation_seconds": 0})})
    node.proves()
    first = node.id("web")
    check = {"test": "test ! -e /tmp/sick", "interval": "1s", "retries": 1}
    node.write("app", {"web": service(healthcheck=check)})
    node.becomes("proving", "web")
    node.kill9()
    for path in node.state_dir.glob("state.db*"):
        path.unlink()
    node.start()
    node.becomes("proving", "web")
    node.run_in("web", "touch", "/tmp/sick")
    node.becomes("rolled-back", "web")
    node.eventually(lambda: node.id("web") == first and node.running("web"))


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("rollout__probation_seconds", "soon", "rollout.probation_seconds"),
        ("engine__ulr", "unix:///x", "engine.ulr"),
        ("desired_dir", "not/absolute", "desired_dir"),
    ],
)
def test_wrong_settings_end_it_with_2_naming_the_setting(make_node, setting, value, named):
    """A wrong setting is said by its name before anything is begun."""
    node = make_node(**{setting: value})
    done = paunchd(node)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_without_its_engine_the_daemon_is_up_and_says_so(tmp_path, engine_side, owner):
    """It answers, is not ready and tells why; nothing ends (S-06)."""
    with closing(Node(tmp_path, engine_side, owner, engine__url=f"unix://{tmp_path}/nobody.sock")) as node:
        node.start()
        node.write("app", {"web": service()})
        node.eventually(lambda: node.states() == {"web": "unknown"})
        status, text = node.status_of("/readyz")
        assert status == 503
        assert "engine" in text
        assert node.get("/v1/containers")["engine"] == "away"
        assert node.status_of("/healthz")[0] == 200
        assert node.stop() == 0


def test_reloading_takes_over_what_can_change_while_it_runs(good):
    """SIGHUP reads the settings again, and wrong ones are refused without harm."""
    good.configure(rollout__probation_seconds=77, owner="somebody-else")
    os.kill(good.pid, signal.SIGHUP)
    good.eventually(lambda: good.log("settings_reloaded"))
    assert [line["setting"] for line in good.log("setting_needs_restart")] == ["owner"]
    good.settings_file.write_text("rollout: {probation_seconds: soon}")
    os.kill(good.pid, signal.SIGHUP)
    good.eventually(lambda: good.log("settings_refused"))
    good.passes()
    assert good.states() == {"web": "running", "db": "running", "sync": "succeeded"}


def test_secrets_leave_by_no_log_label_metric_or_answer(started):
    """Environment values and commands stay inside, whatever fails with them (T-097, I5)."""
    secret = "hunter2-planted"
    bad = running_script(f"exit 3 # {secret}", restart="no", environment={"PASSWORD": secret})
    started.write("app", {"web": service(environment={"PASSWORD": secret})})
    started.proves()
    started.write("app", {"web": bad, "sync": task(f": {secret}; exit 4", environment={"PASSWORD": secret})})
    started.becomes("rolled-back", "web")
    started.becomes("failed", "sync")
    paths = ["/v1/containers", "/v1/plan", "/v1/configs", "/v1/status", "/metrics"]
    paths += [f"/v1/containers/{started.full(name)}{more}" for name in ("web", "sync") for more in ("", "/history")]
    told = "".join(started.status_of(path)[1] for path in paths) + started.log_file.read_text()
    assert secret not in told
    labels = [row["Labels"] for row in started.ps().values()]
    assert secret not in json.dumps(labels)
