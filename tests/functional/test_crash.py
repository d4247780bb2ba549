"""kill -9 of the daemon at chosen engine calls: the next one finds the same state and ends where it should."""

import pytest

from tests.functional.faults import Fault, What, When, changes_or_executes
from tests.functional.node import Node, running_script, service, task
from tests.functional.proxy import Proxy

pytestmark = pytest.mark.engine

AFTER, BEFORE = When.AFTER, When.BEFORE
BROKEN = running_script("exit 3", restart="no")
UPGRADED = service(environment={"V": "2"})


@pytest.fixture
def proxy(tmp_path, engine_side):
    with Proxy(engine_side.socket_path, tmp_path / "engine.sock") as proxy:
        yield proxy


@pytest.fixture
def crashing(proxy, make_node) -> Node:
    """A node whose daemon reaches the engine only through the proxy, which can kill it."""
    node = make_node(engine__url=f"unix://{proxy.path}", rollout__max_restarts=0)
    proxy.kill = node.kill9
    return node


def crash_and_start_again(node, proxy):
    """Wait until the daemon has been killed, then let the next one do as it likes."""
    node.eventually(lambda: node.ended and proxy.fired.is_set())
    proxy.arm()
    node.start()


def check_the_end(node, names):
    """I2, I4 and I6: nothing ran twice, nothing is left over or left to do, and a new store changes nothing."""
    node.eventually(lambda: node.ps().keys() == names)
    node.eventually(lambda: node.lanes() == [] and not node.leftovers())
    node.check_never_two_running()
    before = {name: (node.id(name), node.started_at(name)) for name in names}
    node.stop()
    for path in node.state_dir.glob("state.db*"):
        path.unlink()
    node.start()
    node.passes()
    kept = {name: (node.id(name), node.started_at(name)) for name in names if node.running(name)}
    assert kept.items() <= before.items()
    assert {name for name in before if node.running(name)} == set(kept)


def good_container(node):
    node.start()
    node.write("app", {"web": service()})
    node.proves()
    return node.id("web")


def check_good_outlived_its_successor(node, good):
    """I1: the good container is not removed before its successor has been started."""
    told = node.happenings("web")
    gone = [place for place, one in enumerate(told) if one.id == good and one.action == "destroy"]
    began = [place for place, one in enumerate(told) if one.id != good and one.action == "start"]
    assert not gone or (began and began[0] < gone[0])


@pytest.mark.parametrize(("number", "when"), [(1, BEFORE), (1, AFTER), (2, BEFORE), (2, AFTER)])
def test_a_crash_while_a_container_is_made(crashing, proxy, number, when):
    """Not yet there, created or started: whatever was done is taken up, and one container runs (S-01, S-03)."""
    crashing.start()
    proxy.arm(Fault(number, What.KILL, when))
    crashing.write("app", {"web": service()})
    crash_and_start_again(crashing, proxy)
    crashing.proves()
    assert crashing.actions("web").count("create") == 1
    check_the_end(crashing, {"web"})


@pytest.mark.parametrize(
    ("number", "when"),
    [(1, BEFORE), (1, AFTER), (2, AFTER), (3, AFTER), (4, AFTER), (5, AFTER), (6, AFTER), (7, AFTER)],
)
def test_a_crash_while_a_container_is_replaced(crashing, proxy, number, when):
    """At no call of a replacement is the good container lost or a second copy run, and the new one ends up with the
    name (S-01, S-03, S-04).
    """
    good = good_container(crashing)
    proxy.arm(Fault(number, What.KILL, when))
    crashing.write("app", {"web": UPGRADED})
    crash_and_start_again(crashing, proxy)
    crashing.proves()
    assert crashing.id("web") != good
    assert "V=2" in crashing.inspect("web")["Config"]["Env"]
    check_good_outlived_its_successor(crashing, good)
    check_the_end(crashing, {"web"})


@pytest.mark.parametrize("number", [6, 7, 8, 9])
def test_a_crash_while_a_failed_version_is_taken_back(crashing, proxy, number):
    """Killed in the gate or anywhere in the rollback, the very container that was good runs in the end (S-01, S-04)."""
    good = good_container(crashing)
    proxy.arm(Fault(number, What.KILL, AFTER))
    crashing.write("app", {"web": BROKEN})
    crash_and_start_again(crashing, proxy)
    crashing.becomes("rolled-back", "web")
    crashing.eventually(lambda: crashing.id("web") == good and crashing.running("web"))
    crashing.eventually(lambda: crashing.ps().keys() == {"web"} and crashing.lanes() == [])
    crashing.check_never_two_running()
    assert crashing.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "always"


@pytest.mark.parametrize(("number", "when"), [(1, BEFORE), (1, AFTER), (2, AFTER)])
def test_a_crash_while_a_container_is_removed(crashing, proxy, number, when):
    """Stopped or half removed, it goes in the end, and nothing else does (S-01)."""
    crashing.start()
    crashing.write("app", {"web": service()})
    crashing.write("other", {"db": service()})
    crashing.proves()
    proxy.arm(Fault(number, What.KILL, when))
    crashing.delete("app")
    crash_and_start_again(crashing, proxy)
    check_the_end(crashing, {"db"})


@pytest.mark.parametrize(("number", "when"), [(1, AFTER), (2, BEFORE), (2, AFTER)])
def test_a_crash_while_a_task_is_run(crashing, proxy, number, when):
    """A task that was begun is taken up and runs once (S-01)."""
    crashing.start()
    proxy.arm(Fault(number, What.KILL, when))
    crashing.write("app", {"sync": task("echo done"), "web": service(start_order=1)})
    crash_and_start_again(crashing, proxy)
    crashing.proves()
    assert crashing.actions("sync").count("start") == 1
    assert crashing.kept_output("sync").strip() == "done"


@pytest.mark.parametrize(("number", "when"), [(1, AFTER), (2, BEFORE), (2, AFTER)])
def test_a_crash_while_an_exec_is_run(crashing, proxy, number, when):
    """An exec whose end nobody saw is run again, and counts once (S-01)."""
    good_container(crashing)
    proxy.counts = changes_or_executes
    proxy.arm(Fault(number, What.KILL, when))
    script = "echo ran >> /tmp/seen"
    crashing.write("exec", {"refresh": {"action": "exec", "command": ["web", "sh", "-c", script]}})
    crash_and_start_again(crashing, proxy)
    crashing.becomes("succeeded", "refresh")
    runs = crashing.run_in("web", "cat", "/tmp/seen").split()
    assert runs in (["ran"], ["ran", "ran"])
    assert len(crashing.results("refresh")) == 1
