"""The templates as Heat itself reads them, and what comes out of them as the daemon reads it."""

import copy
import json
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

from paunchd.cli import main
from tests.conftest import ROOT

HEAT = ROOT / "contrib" / "heat"
STEPS = range(1, 6)
PARAMETERS = {
    "server": "5e0c",
    "keystone_image": "registry.example/keystone:1",
    "memcached_image": "registry.example/memcached:1",
    "admin_password": "planted",
}


def read_by_heat(template: Path, parameters: dict[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    given = directory / "parameters.json"
    given.write_text(json.dumps(parameters))
    python, reader = ROOT / ".lab/heat/bin/python", Path(__file__).with_name("heat_parsed.py")
    return subprocess.run([python, reader, template, given], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Have Heat make a stack of the template, so far as that takes no cloud."""
    done = read_by_heat(HEAT / "templates" / "node.yaml", PARAMETERS, tmp_path_factory.mktemp("heat"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["resources"]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the hook as a module: what it makes of a config counts here, not what it does with it."""
    monkeypatch.syspath_prepend(str(HEAT))
    loader = SourceFileLoader("hook_paunchd", str(HEAT / "hook-paunchd"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    return module


def properties_of(resources: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources[name]["properties"]
    return found


def write_desired(resources: dict[str, Any], hook: Any, directory: Path) -> None:
    """Write what the hook would write of each step."""
    for number in STEPS:
        config = properties_of(resources, f"step_{number}_config")["config"]
        inputs = properties_of(resources, f"step_{number}")["input_values"]
        document = hook.document_of({"config": config}, inputs)
        (directory / f"step_{number}.json").write_text(json.dumps(document))


def checked(directory: Path) -> Any:
    """Run `paunchctl check`, and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["check", str(directory)])
    return ended.value.code


def test_heat_goes_step_by_step(resources):
    """Files come first, then each step once the one before it has been answered for; all go to the one server."""
    assert {"puppet", "kolla"} <= set(resources["step_1"]["requires"])
    for number in STEPS[1:]:
        assert f"step_{number - 1}" in resources[f"step_{number}"]["requires"]
    deployments = [one for one in resources.values() if one["type"].endswith("Deployment")]
    assert len(deployments) == 7
    assert {one["properties"]["server"] for one in deployments} == {"5e0c"}


def test_changed_files_deploy_every_step_anew(resources):
    """A config of Heat's is never changed: other files are a config with another id. It is among each step's inputs, so
    the hook is called, and Heat is told what came of the containers that the files replace.
    """
    for number in STEPS:
        assert {one["name"] for one in properties_of(resources, f"step_{number}_config")["inputs"]} == {"step", "files"}
        files = properties_of(resources, f"step_{number}")["input_values"]["files"]
        assert files == "id-of-puppet_config,id-of-kolla_config"


def test_the_daemon_takes_what_comes_out(resources, hook, tmp_path, capsys):
    """What the hook makes of every step is a sound directory for the daemon, with the steps of the template."""
    write_desired(resources, hook, tmp_path)
    assert checked(tmp_path) == 0, capsys.readouterr()
    names = {
        number: set(json.loads((tmp_path / f"step_{number}.json").read_text())) - {"x-paunchd"} for number in STEPS
    }
    assert names[1] == {"memcached"}
    assert names[3] == {"keystone_db_sync", "keystone", "keystone_bootstrap"}
    assert json.loads((tmp_path / "step_3.json").read_text())["x-paunchd"] == {"step": 3}


def test_a_mistake_in_a_service_is_found(resources, hook, tmp_path, capsys):
    """A key that the daemon does not know would not get through: the templates cannot drift from the format."""
    resources = copy.deepcopy(resources)
    memcached = properties_of(resources, "step_1_config")["config"]["memcached"]
    memcached["restrat"] = memcached.pop("restart")
    write_desired(resources, hook, tmp_path)
    assert checked(tmp_path) == 1
    assert "did you mean `restart`?" in "".join(capsys.readouterr())


def test_files_for_services_are_mounted_by_them(resources):
    """What puppet and Kolla's files are written to is what the containers take them from."""
    volumes = json.dumps(properties_of(resources, "step_3_config")["config"])
    for path in properties_of(resources, "kolla_config")["config"]:
        assert f"{path}:" in volumes
    assert "/var/lib/config-data/puppet-generated/keystone" in properties_of(resources, "puppet_config")["config"]
    assert "debug = false" in properties_of(resources, "puppet_config")["config"].lower()


def test_heat_refuses_a_stack_without_its_parameters(tmp_path):
    """Heat itself judges here: without a parameter that has no default there is no stack."""
    done = read_by_heat(HEAT / "templates" / "node.yaml", {**PARAMETERS, "server": None}, tmp_path)
    assert done.returncode != 0
    assert "server" in done.stderr
