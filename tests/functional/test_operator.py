"""An operator's hand on a real node: logs, events, restarts, and the story of a name."""

import json
import os

import pytest

from tests.functional.engine_side import UnixConnection
from tests.functional.node import running_script, service, task

pytestmark = pytest.mark.engine


def text_of(node, path):
    status, text = node.status_of(path)
    assert status == 200, text
    return text


def test_a_restart_keeps_the_container_and_is_done_once(started):
    """The same container has been stopped and started, and nothing more follows."""
    started.write("app", {"web": service()})
    started.proves()
    before, since = started.id("web"), started.started_at("web")
    started.ask_to("restart", "web")
    started.eventually(lambda: started.running("web") and started.started_at("web") != since)
    started.proves()
    again = started.started_at("web")
    started.passes(3)
    assert (started.id("web"), started.started_at("web")) == (before, again)
    (asked,) = [event for event in started.history("web") if event["event"] == "asked to restart"]
    assert asked["uid"] == os.getuid()


def test_a_restart_outlives_the_daemon(started):
    """Killed between the stop and the start, the next daemon starts what was to be started again."""
    slow = running_script("trap 'sleep 2; exit 0' TERM; while :; do sleep 0.1; done", restart="no")
    started.write("app", {"web": slow})
    started.proves()
    before = started.id("web")
    started.ask_to("restart", "web")
    started.eventually(lambda: "kill" in started.actions("web"))
    started.kill9()
    started.eventually(lambda: not started.running("web"))
    started.start()
    started.eventually(lambda: started.running("web"))
    started.proves()
    assert started.id("web") == before
    assert started.detail("web")["rejected"] == []


def test_logs_of_containers_tasks_and_execs(started):
    """What runs is read from the engine, what ran once from what is kept."""
    started.write(
        "app",
        {
            "web": running_script("echo hello; while :; do sleep 1; done", stop_signal="SIGKILL"),
            "sync": task("echo synced", remove=True),
            "inside": {"action": "exec", "command": ["web", "echo", "was here"]},
        },
    )
    started.proves()
    said = {name: text_of(started, f"/v1/containers/{started.full(name)}/logs") for name in ("web", "sync", "inside")}
    assert said == {"web": "hello\n", "sync": "synced\n", "inside": "was here\n"}


def test_events_tell_a_rollout_as_it_happens(started):
    """Whoever follows sees each state, each lane and the verdict, and can tell the end from them alone."""
    stream = UnixConnection(str(started.socket), 60)
    stream.request("GET", f"/v1/events?name={started.full('web')}")
    answer = stream.getresponse()
    started.write("app", {"web": service()})
    told = []
    while not told or told[-1].get("state") != "running":
        line = answer.readline().decode()
        told += [json.loads(line.removeprefix("data: "))] if line.startswith("data: ") else []
    stream.close()
    kinds = [one["kind"] for one in told]
    assert kinds[0] == "reset"
    assert {"lane-began", "lane-ended", "accepted", "state"} <= set(kinds)
    assert next(one["state"] for one in told if one["kind"] == "state") == "preparing"
