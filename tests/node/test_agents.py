"""A node from nothing but its metadata: Heat's agents in a container, and all else through them."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Docker
from tests.node import heat_side
from tests.node.images import SERVICES
from tests.node.machine import UNITS, Machine, eventually

pytestmark = pytest.mark.timeout(600)

OLD, NEW = SERVICES
PORT = 8999
ADDRESS = f"http://127.0.0.1:{PORT}"
VOLUME = "/var/lib/config-data/puppet-generated/web"
KOLLA = "/var/lib/kolla/config_files/web.json"
MANIFEST = f"""
file {{ ['/var/lib/config-data/puppet-generated', '{VOLUME}']: ensure => directory }}
file {{ '{VOLUME}/web.conf': content => "listen 80\\n" }}
"""


class Heat:
    """Heat as a node sees it: metadata to fetch, an address for signals. It listens on the node's own loopback."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._deployments: dict[str, dict[str, Any]] = {}
        (directory / "signals").touch()
        self._tell()

    def serve(self, machine: Machine) -> None:
        inside = ["nsenter", "--target", machine.root.parent.name, "--net"]
        self.close()
        self._process = subprocess.Popen([*inside, sys.executable, heat_side.__file__, str(PORT), str(self._directory)])

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def deploy(self, name: str, group: str, config: Any, **inputs: Any) -> None:
        """Create the deployment *name*, or update it; either way its config gets a new id."""
        action = "UPDATE" if name in self._deployments else "CREATE"
        values = {
            **inputs,
            "deploy_action": action,
            "deploy_stack_id": "node/5e0c",
            "deploy_resource_name": name,
            "deploy_signal_transport": "CFN_SIGNAL",
            "deploy_signal_id": f"{ADDRESS}/{name}",
            "deploy_signal_verb": "POST",
        }
        self._deployments[name] = {
            "id": str(uuid.uuid4()),
            "name": name,
            "group": group,
            "creation_time": "2026-01-01T00:00:00Z",
            "config": config,
            "options": {},
            "outputs": [],
            "inputs": [{"name": key, "value": value, "type": "String"} for key, value in values.items()],
        }
        self._tell()

    def drop(self, name: str) -> None:
        del self._deployments[name]
        self._tell()

    def signals(self) -> list[tuple[str, int]]:
        """Which deployments have been answered for, in order, and with which status."""
        told = [json.loads(line) for line in (self._directory / "signals").read_text().splitlines()]
        return [(one["to"].removeprefix("/"), one["deploy_status_code"]) for one in told]

    def _tell(self) -> None:
        pending = self._directory / "pending"
        pending.write_text(json.dumps({"deployments": list(self._deployments.values())}))
        pending.rename(self._directory / "metadata.json")


@pytest.fixture(scope="module")
def heat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heat]:
    with closing(Heat(tmp_path_factory.mktemp("heat"))) as heat:
        yield heat


@pytest.fixture(scope="module")
def node(machine: Machine, agents_image: str, heat: Heat, docker: Docker) -> Machine:
    """Take a node as its first boot leaves it: paunchd, the agents' image and unit, and where to find Heat."""
    machine.load_images(agents_image)
    machine.write(UNITS / "heat-agents.service", (ROOT / "contrib/systemd/heat-agents.service").read_bytes())
    first = {"collectors": ["heat_local", "request"], "request": {"metadata_url": ADDRESS}, "polling_interval": 2}
    metadata = {"deployments": [], "os-collect-config": first}
    machine.write(Path("/var/lib/heat-cfntools/cfn-init-data"), json.dumps(metadata), 0o600)
    heat.serve(machine)
    machine.sh("systemctl daemon-reload && systemctl enable --quiet --now paunchd heat-agents")
    return machine


def service(image: str = OLD, **keys: Any) -> dict[str, Any]:
    return {"image": image, "net": "none", "restart": "always", **keys}


def ours(node: Machine) -> dict[str, tuple[str, str, bool]]:
    return {name: life for name, life in node.lives().items() if name != "heat-agents"}


def heard(node: Machine, heat: Heat, *signals: tuple[str, int]) -> None:
    eventually(lambda: heat.signals() == [*signals], f"signals {signals}", lambda: f"{heat.signals()}{node.report()}")


FIRST = (("config", 0), ("kolla", 0), ("step_1", 0), ("step_2", 0))


def test_an_empty_node_comes_up_from_its_metadata(node: Machine, heat: Heat):
    """The agents learn from the node's first data where Heat is; puppet and Kolla's files come first, the containers
    step by step, and Heat is told of each.
    """
    story = node.engine.follow()
    database = {"db": service(), "db_init": {**service(), "restart": "no", "detach": False, "command": "true"}}
    heat.deploy("config", "puppet", MANIFEST)
    heat.deploy("kolla", "json-file", {KOLLA: {"command": "/bin/httpd"}})
    heat.deploy("step_1", "paunchd", database, step=1)
    heat.deploy(
        "step_2", "paunchd", {"web": service(volumes=[f"{VOLUME}:/src:ro", f"{KOLLA}:/config.json:ro"])}, step=2
    )
    heard(node, heat, *FIRST)
    node.becomes(db="running", db_init="succeeded", web="running")
    assert node.sh("docker exec web cat /src/web.conf /config.json") == 'listen 80\n{\n    "command": "/bin/httpd"\n}'
    starts = [one.name for one in story.told() if one.action == "start" and one.name]
    assert starts[-1] == "web"
    assert sorted(starts) == ["db", "db_init", "web"]
    story.close()


def test_an_update_changes_what_it_changes(node: Machine, heat: Heat):
    """An update of one deployment replaces its container, tells Heat, and touches no other one."""
    before = ours(node)
    heat.deploy("step_2", "paunchd", {"web": service(NEW)}, step=2)
    heard(node, heat, *FIRST, ("step_2", 0))
    node.becomes(db="running", db_init="succeeded", web="running")
    after = ours(node)
    assert after["web"] != before.pop("web")
    assert {name: after[name] for name in before} == before
    assert node.engine.inspect("web")["Config"]["Image"] == NEW


def test_a_reboot_deploys_nothing_again(node: Machine, heat: Heat):
    """What the agents have done is kept on the node's disk: after a reboot they are there, and have nothing to do."""
    before = {name: life[0] for name, life in ours(node).items()}
    node.reboot()
    heat.serve(node)
    heat.deploy("step_3", "paunchd", {"late": service()}, step=3)
    heard(node, heat, *FIRST, ("step_2", 0), ("step_3", 0))
    node.becomes(db="running", db_init="succeeded", late="running", web="running")
    assert {name: life[0] for name, life in ours(node).items() if name != "late"} == before


def test_what_heat_no_longer_deploys_leaves_the_node(node: Machine, heat: Heat):
    """A deployment that is gone from the metadata takes its containers with it, though no hook is called for it."""
    heat.drop("step_3")
    node.becomes(db="running", db_init="succeeded", web="running")
    assert "late" not in node.lives()


def test_the_agents_may_be_killed(node: Machine, heat: Heat):
    """Agents whose unit is killed and leaves their container behind come back with a new one, and go on."""
    before = ours(node)
    node.sh("systemctl kill --signal KILL heat-agents")
    eventually(lambda: node.show("heat-agents", "NRestarts", "ActiveState") == ["1", "active"], "back", node.report)
    heat.deploy("step_3", "paunchd", {"late": service()}, step=3)
    eventually(lambda: heat.signals()[-1] == ("step_3", 0) and len(heat.signals()) == 7, "a signal", node.report)
    assert {name: life for name, life in ours(node).items() if name != "late"} == before


def test_the_agents_end_when_they_are_asked_to(node: Machine):
    """`systemctl stop` ends the agents at once and cleanly, and leaves the node's containers."""
    before = ours(node)
    node.sh("systemctl stop heat-agents")
    assert node.show("heat-agents", "ActiveState", "Result") == ["inactive", "success"]
    assert ours(node) == before
