"""The daemon under a real systemd: ``paunchd.service`` as it ships, installed as the README says."""

import pytest

from tests.node.conftest import NEWER, QUICK
from tests.node.images import SERVICES
from tests.node.machine import UNITS, Machine, eventually

pytestmark = pytest.mark.timeout(400)

OLD, NEW = SERVICES
DROP_IN = UNITS / "paunchd.service.d" / "test.conf"


def service(image: str = OLD, **keys: object) -> dict[str, object]:
    return {"image": image, "net": "none", "restart": "always", **keys}


@pytest.fixture
def node(machine: Machine) -> Machine:
    """Take the module's node with two services up, one of which came with a task before it."""
    machine.configure(rollout=QUICK)
    machine.sh("systemctl start docker paunchd && rm -f /var/lib/paunchd/desired/*")
    machine.becomes()
    machine.declare("base", 1, db=service(), db_init={**service(), "restart": "no", "detach": False, "command": "true"})
    machine.declare("front", 2, web=service())
    machine.becomes(db="running", db_init="succeeded", web="running")
    return machine


def restarted_with(machine: Machine, drop_in: str) -> None:
    machine.write(DROP_IN, drop_in)
    machine.sh("systemctl daemon-reload && systemctl restart paunchd")


def test_the_unit_is_up_once_the_first_look_is_taken(machine: Machine):
    """While the engine hangs there is no first look, and the unit is starting; with it, the unit is up and answers."""
    machine.sh("systemctl stop paunchd && systemctl kill --signal STOP docker && systemctl start --no-block paunchd")
    eventually(lambda: "daemon_began" in machine.journal("paunchd"), "the daemon has begun")
    assert machine.show("paunchd", "ActiveState") == ["activating"]
    machine.sh("systemctl kill --signal CONT docker")
    eventually(lambda: machine.show("paunchd", "ActiveState") == ["active"], "active", machine.report)
    assert machine.sh("paunchctl status")


def test_systemctl_status_says_how_the_node_is(node: Machine):
    """The line of `systemctl status` is the one of `paunchctl status`, and follows what happens."""
    assert 'Status: "3 names, settled"' in node.sh("systemctl status --no-pager paunchd")
    node.declare("front", 2, web={**service(), "restrat": "always"})
    eventually(lambda: "1 broken file" in node.show("paunchd", "StatusText")[0], "it is told", node.report)


def test_a_daemon_that_is_stuck_is_restarted_and_no_container_with_it(node: Machine):
    """A daemon that makes no progress any more is killed by its watchdog and begun again; every container runs on."""
    restarted_with(node, "[Service]\nWatchdogSec=3s\n")
    before, pid = node.lives(), node.main_pid()
    node.sh("systemctl kill --signal STOP paunchd")
    eventually(lambda: node.show("paunchd", "NRestarts") == ["1"], "restarted", node.report)
    node.becomes(db="running", db_init="succeeded", web="running")
    assert "Watchdog timeout" in node.journal("paunchd")
    assert node.main_pid() != pid
    assert node.lives() == before


def test_a_daemon_that_waits_for_its_engine_is_not_stuck(node: Machine):
    """An engine that hangs for longer than the watchdog's patience costs the daemon nothing: it is no defect of it."""
    restarted_with(node, "[Service]\nWatchdogSec=3s\n")
    pid = node.main_pid()
    node.sh("systemctl kill --signal STOP docker && sleep 8 && systemctl kill --signal CONT docker")
    node.becomes(db="running", db_init="succeeded", web="running")
    assert (node.main_pid(), node.show("paunchd", "NRestarts")) == (pid, ["0"])


def test_an_upgrade_of_the_daemon_touches_no_container(node: Machine, newer_wheel, wheel):
    """A newer version is installed beside the running one and restarted into; no container notices."""
    before = node.lives()
    node.install_wheel(newer_wheel)
    node.sh("systemctl restart paunchd")
    assert f"paunchd {NEWER}: 3 names, settled" in node.sh("paunchctl status")
    assert node.lives() == before
    node.install_wheel(wheel)
    node.sh("systemctl restart paunchd")
    node.becomes(db="running", db_init="succeeded", web="running")
    assert node.lives() == before


def test_a_reload_takes_over_settings_without_a_restart(node: Machine):
    """`systemctl reload` is the same process with new settings; wrong ones are refused, and the old ones hold."""
    before, pid = node.lives(), node.main_pid()
    node.configure(rollout={**QUICK, "probation_seconds": 600})
    node.sh("systemctl reload paunchd")
    node.declare("front", 2, web=service(environment={"A": "1"}))
    node.becomes(db="running", db_init="succeeded", web="proving")
    node.configure(rollout=QUICK)
    node.sh("sed -i s/probation_seconds/probation_secs/ /etc/paunchd/paunchd.yaml && systemctl reload paunchd")
    eventually(lambda: "settings_refused" in node.journal("paunchd"), "refused", node.report)
    assert (node.main_pid(), node.show("paunchd", "ActiveState")) == (pid, ["active"])
    node.becomes(db="running", db_init="succeeded", web="proving")
    assert node.lives()["db"] == before["db"]


def test_wrong_settings_end_the_unit_once(node: Machine):
    """With settings that only an editor can mend the unit fails and says why, and is not begun again and again."""
    before = node.lives()
    node.write(DROP_IN, "[Service]\nEnvironment=PAUNCHD_ROLLOUT__MAX_RESTARTS=many\n")
    node.sh("systemctl daemon-reload && systemctl restart paunchd || true")
    assert node.show("paunchd", "ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "2", "0"]
    assert node.lives() == before


def test_stopping_the_daemon_stops_nothing(node: Machine):
    """`systemctl stop` ends the daemon cleanly and leaves every container as it is."""
    before = node.lives()
    node.sh("systemctl stop paunchd")
    assert node.show("paunchd", "ActiveState", "Result") == ["inactive", "success"]
    assert node.lives() == before


def test_the_engine_may_stop_and_return(node: Machine):
    """The daemon outlives a stop of its engine, says that it is away, and has everything up again on its return."""
    pid, ids = node.main_pid(), {name: life[0] for name, life in node.lives().items()}
    node.sh("systemctl stop docker.socket docker.service")
    eventually(lambda: "engine" in node.show("paunchd", "StatusText")[0], "it is told", node.report)
    assert set(node.states().values()) == {"unknown"}
    node.sh("systemctl start docker")
    node.becomes(db="running", db_init="succeeded", web="running")
    assert node.main_pid() == pid
    assert {name: life[0] for name, life in node.lives().items()} == ids


def test_the_hardening_is_in_force(node: Machine):
    """The daemon has few capabilities and a filter of system calls, and can write its own directories and no others."""
    print("\n" + node.sh("systemd-analyze security --no-pager paunchd | tail -n 1"))
    status = dict(line.split(":", 1) for line in node.sh(f"cat /proc/{node.main_pid()}/status").splitlines())
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
    assert int(status["CapEff"], 16).bit_count() == 5
    writable = f"nsenter --target {node.main_pid()} --mount sh -c 'touch $0/probe && rm $0/probe' "
    node.sh(f"{writable} /run/paunchd && {writable} /var/lib/paunchd")
    for place in ("/etc", "/usr", "/root", "/var/lib/docker"):
        assert node.sh(f"{writable} {place} 2>&1 || true").endswith("Read-only file system")


def test_what_is_mounted_later_is_seen(node: Machine):
    """A bind source on a file system that came after the daemon is there for it: its own view follows the node's."""
    node.sh("mkdir -p /srv/late && mount -t tmpfs late /srv/late && mkdir /srv/late/data")
    node.declare("front", 2, web=service(volumes=["/srv/late/data:/data"]))
    node.becomes(db="running", db_init="succeeded", web="running")
    node.sh("umount --lazy /srv/late")


def test_only_root_and_the_sockets_group_get_in(node: Machine):
    """The socket is root's alone as it ships, and the store and what is desired are for nobody else to read."""
    modes = node.sh("stat --format '%a %U:%G' /run/paunchd /run/paunchd/api.sock /var/lib/paunchd")
    assert modes.splitlines() == ["755 root:root", "660 root:root", "700 root:root"]
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
    assert node.sh(f"{nobody} paunchctl --config /dev/null status >/dev/null 2>&1 || echo $?") == "3"
    assert node.sh(f"{nobody} curl --silent --fail localhost/v1/status >/dev/null && echo read") == "read"


def test_a_reboot_brings_everything_back_once(node: Machine):
    """After a reboot each service runs in the very container it had, started once; no task runs again, and the
    container kept beside one in probation stays down.
    """
    node.configure(rollout={**QUICK, "probation_seconds": 600})
    node.sh("systemctl reload paunchd")
    node.declare("front", 2, web=service(NEW))
    node.becomes(db="running", db_init="succeeded", web="proving")
    before = node.lives()
    node.reboot()
    node.becomes(db="running", db_init="succeeded", web="proving")
    after = node.lives()
    assert {name: (life[0], life[2]) for name, life in after.items()} == {
        name: (life[0], life[2]) for name, life in before.items()
    }
    assert after["web"][2]
    assert not after["web.prev"][2]
    assert after["db_init"] == before["db_init"]
    assert {one.action for one in started_since_boot(node)} == {"start"}
    assert sorted(one.name for one in started_since_boot(node)) == ["db", "web"]


def started_since_boot(node: Machine):
    story = node.engine.follow()
    story.go_on()
    eventually(lambda: len([one for one in story.told() if one.action == "start"]) > 1, "the engine has told")
    told = [one for one in story.told() if one.action == "start"]
    story.close()
    return told


def test_a_node_without_an_engine_has_a_daemon(node: Machine):
    """Where the engine does not come up at all, the daemon is up, says so, and takes over as soon as it does."""
    node.sh("systemctl mask --runtime --now docker.service docker.socket && systemctl restart paunchd")
    assert node.show("paunchd", "ActiveState") == ["active"]
    assert "engine" in node.show("paunchd", "StatusText")[0]
    node.sh("systemctl unmask --runtime docker.service docker.socket && systemctl start docker")
    node.becomes(db="running", db_init="succeeded", web="running")


@pytest.fixture(autouse=True)
def _as_shipped(machine: Machine):
    """Leave unit and settings as they were, whatever the test wrote."""
    yield
    machine.configure(rollout=QUICK)
    machine.sh(
        f"rm -rf {DROP_IN.parent}; systemctl kill --signal CONT docker 2>/dev/null || true;"
        " systemctl daemon-reload; systemctl reset-failed; systemctl restart docker.socket docker paunchd"
    )
