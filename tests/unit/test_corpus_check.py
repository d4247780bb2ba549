"""Real TripleO definitions, in every layout they came in.

The corpus is data beside the checkout; PAUNCHD_CORPUS names another place.
"""

import json
import os
from pathlib import Path

import pytest

from paunchd.render import render
from paunchd.source import check
from paunchd.spec import Kind, config_hash, dump, load
from tests.unit.desired import Node

CORPUS = Path(os.environ.get("PAUNCHD_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
ROLES = sorted(path for path in CORPUS.glob("*/nodes/*") if path.is_dir())

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not ROLES, reason=f"there is no corpus at {CORPUS}; set PAUNCHD_CORPUS"),
]
roles = pytest.mark.parametrize("role", ROLES, ids=lambda role: "-".join(role.parts[-3::2]))


def deploy(node, files, pattern):
    for file in files:
        node.write(pattern.format(file.stem), file.read_text())
    return node.load()


def definitions(files):
    return {name: item for file in files for name, item in json.loads(file.read_text()).items()}


@roles
@pytest.mark.parametrize(
    "layout",
    [
        "container-startup-config-{}.json",
        "docker-container-startup-config-{}.json",
        "hashed-docker-container-startup-config-{}.json",
    ],
)
def test_t095_each_role_loads_without_a_fault(node, role, layout):
    """Everything TripleO wrote as step files is understood, strays and all (T-095)."""
    files = sorted(role.glob("hashed/step_*.json" if layout.startswith("hashed") else "step_*.json"))
    found = deploy(node, files, layout)
    assert not found.broken_configs
    assert set(found.items) == set(definitions(files))
    assert not any(config.faults for config in check(node.directory))
    assert {item.config_id for item in found.items.values()} <= {f"tripleo_step{file.stem[5:]}" for file in files}


def test_t095_trains_one_file_a_container_loads(node):
    """Train's directory of steps says the same as its step files (T-095)."""
    role = CORPUS / "train" / "nodes" / "compute"
    many = definitions(sorted(role.glob("hashed/step_*.json")))
    for file in role.glob("container-startup-config/step_*/*.json"):
        node.write(f"{file.parent.name}/{file.name}", file.read_text())
    found = node.load()
    assert not found.broken_configs
    assert {name: item.spec for name, item in found.items.items()} == {
        name: item.spec
        for name, item in Node(_as_steps(node.directory.parent / "steps", role)).load().items.items()
        if name in many
    }


def _as_steps(directory, role):
    directory.mkdir()
    for file in role.glob("hashed/step_*.json"):
        (directory / f"container-startup-config-{file.name}").write_text(file.read_text())
    return directory


@roles
def test_each_definition_survives_the_store(node, role):
    """Dumping and loading changes neither value nor hash."""
    found = deploy(node, sorted(role.glob("step_*.json")), "container-startup-config-{}.json")
    for item in found.items.values():
        again = load(dump(item.spec))
        assert (again, config_hash(again)) == (item.spec, item.hash)


@roles
def test_each_container_is_the_one_paunch_made(node, role):
    """The equivalent command line has exactly paunch's options, but for what paunch got wrong (T-054, T-055)."""
    lines = json.loads((role / "paunch-docker.json").read_text())
    expected = {entry["name"]: entry["cmd"] for step in lines.values() for entry in step}
    found = deploy(node, sorted(role.glob("step_*.json")), "container-startup-config-{}.json").items
    assert set(found) == set(expected)
    assert not [name for name in found if not _same(found[name].spec, name, expected[name])]


def _same(spec, name, paunch):
    ours = [argument for argument in render(name, spec) if not argument.startswith("--pids-limit=")]
    theirs = _normalised(paunch)
    if spec.kind is Kind.EXEC:
        return _normalised(ours) == theirs
    at, there = ours.index(spec.image), theirs.index(spec.image)
    return (sorted(ours[:at]), ours[at:]) == (sorted(theirs[:there]), theirs[there:])


def _normalised(arguments):
    """Paunch's two-word health command as one, without its own processor list, exact repetitions once."""
    found = []
    for argument in arguments:
        if found and found[-1] == "--health-cmd":
            found[-1] = f"--health-cmd={argument}"
        elif argument != "--cpuset-cpus=0,1" and not (argument.startswith("--volume=") and argument in found):
            found.append(argument)
    return found
