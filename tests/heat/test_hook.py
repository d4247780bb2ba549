"""The hook is a good citizen among Heat's agents: it writes safely, waits, tells one thing, and loses no failure."""

import ast
import hashlib
import re

import pytest

from paunchd.formats import yaml_document
from tests.heat.fake_daemon import container
from tests.heat.programs import HEAT, STACK, entry


async def test_a_settled_config_is_told_with_what_runs(place, daemon):
    """Heat's log says what came of it; status 0 and nothing on stderr is success to Heat."""
    daemon.has(container("web"))
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 0
    assert answer["deploy_stderr"] == ""
    assert "web: running registry.example/web:1" in answer["deploy_stdout"]


async def test_it_waits_for_the_very_content_that_it_has_written(place, daemon):
    """The daemon is asked for the digest of the file, under the file's name, so no older success is taken for ours."""
    await place.deploy(entry())
    path = place.only_file()
    assert daemon.queries[0]["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"GET /v1/configs/{path.stem}" in daemon.asked


async def test_the_file_is_written_whole_private_and_under_a_valid_name(place, daemon):
    """0600 whatever stood there, nothing half written left beside it, and a name that the daemon reads."""
    await place.deploy(entry())
    path = place.only_file()
    path.chmod(0o666)
    pending = path.with_name(f".{path.name}.tmp")
    pending.write_text("half of it, of a hook that was killed")
    pending.chmod(0o666)
    await place.deploy(entry())
    assert place.only_file().stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"[\w.-]+\.json", path.name)


async def test_a_deployment_keeps_its_config_id_over_updates(place, daemon):
    """Heat makes a new config with a new id for each update; stack and resource stay."""
    await place.deploy(entry(id_="first"))
    await place.deploy(entry(id_="second", deploy_action="UPDATE"))
    assert place.only_file().name.startswith("heat-overcloud-Step4-")


async def test_a_template_does_not_say_whose_its_file_is(place, daemon):
    """A key `x-heat` in the document is not the mark that the prune script goes by."""
    await place.deploy(entry({"x-heat": {"stack": "another", "resource": "other"}, "web": {}}))
    written = place.written()["x-heat"]
    del written["written"]
    assert written == {"stack": STACK, "resource": "Step4", "config": "c0ffee"}


async def test_two_deployments_never_share_a_file(place, daemon):
    """The same resource of another stack, and another resource with as good as the same name, are others."""
    await place.deploy(entry())
    await place.deploy(entry(deploy_stack_id="overcloud/another-with-the-same-name"))
    await place.deploy(entry(resource="Step/4"))
    await place.deploy(entry(resource="Step 4"))
    assert len(place.files()) == 4


async def test_the_hook_needs_no_more_than_a_name(place, daemon):
    """Metadata written by hand has neither stack nor resource; then the config's name has to do."""
    asked = entry()
    asked["inputs"] = []
    assert (await place.deploy(asked))["deploy_status_code"] == 0
    assert place.only_file().name.startswith("heat-ContainersStep4-")


@pytest.mark.parametrize(
    "written",
    [
        {"web": {"image": "registry.example/web:1", "environment": ["A=on"], "ports": ["22:22"]}},
        '{"web": {"image": "registry.example/web:1", "environment": ["A=on"], "ports": ["22:22"]}}',
        "web:\n  image: registry.example/web:1\n  environment: [A=on]\n  ports: [22:22]\n",
    ],
    ids=["mapping", "json", "yaml"],
)
async def test_definitions_come_as_a_mapping_or_as_text(place, daemon, written):
    """StructuredConfig and SoftwareConfig, and docker-cmd's documents as they are."""
    await place.deploy(entry(written))
    assert place.written()["web"] == {
        "image": "registry.example/web:1",
        "environment": ["A=on"],
        "ports": ["22:22"],
    }


async def test_text_means_what_it_means_in_a_file(place, daemon):
    """YAML is read as the daemon reads it: no dates, no numbers to base 60, no octal, and keys are text."""
    await place.deploy(entry("web:\n  a: 2020-01-01\n  b: 1:30\n  c: 010\n  on: yes\n  d: ~\n  e: 0x1F\n  f: 1.5\n"))
    assert place.written()["web"] == {
        "a": "2020-01-01",
        "b": "1:30",
        "c": "010",
        "on": True,
        "d": None,
        "e": 31,
        "f": 1.5,
    }


def test_plain_values_are_told_apart_as_the_daemon_does():
    """The hook cannot import the daemon's patterns where the agents run; the second copy must not differ."""
    source = (HEAT / "paunchd_text.py").read_text()
    (told,) = re.findall(r"^PATTERNS = (\{.*?^\})", source, re.MULTILINE | re.DOTALL)
    assert ast.literal_eval(told) == yaml_document._PATTERNS


async def test_inputs_that_come_as_text_say_step_timeout_and_group(place, daemon):
    """Heat's agents make text of every String input; numbers are numbers again (T-106)."""
    asked = entry(step="4", timeout_seconds="7.5", rollout_group="nova")
    await place.deploy(asked)
    assert place.written()["x-paunchd"] == {"step": 4, "rollout": {"group": "nova"}}
    assert float(daemon.queries[0]["timeout_seconds"]) == pytest.approx(7.5, abs=0.5)


async def test_an_input_beats_the_header_and_leaves_the_rest_of_it(place, daemon):
    """A template may say it in its text as well; what is given for this deployment counts."""
    header = {"step": 1, "rollout": {"group": "a", "probation_seconds": 5}}
    await place.deploy(entry({"x-paunchd": header, "web": {}}, step=2, rollout_group="b"))
    assert place.written()["x-paunchd"] == {"step": 2, "rollout": {"group": "b", "probation_seconds": 5}}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (b"no json", ["stdin", "no JSON"]),
        (b"[]", ["stdin", "a JSON object"]),
        (entry(["web"]), ["`config`", "a mapping"]),
        (entry("web: [1\nb: {"), ["`config`", "no valid YAML", "line 2"]),
        (entry("a: 1\na: 2\n"), ["`config`", "the key `a` is there twice"]),
        (entry("a:\n  b: {c: 1, d: 2, c: 3}\n"), ["`config`", "the key `c` is there twice"]),
        (entry('{"web": {"image": "a"}, "web": {"image": "b"}}'), ["`config`", "the key `web` is there twice"]),
        (entry({"x-paunchd": 4}), ["`x-paunchd`", "a mapping"]),
        (entry({"x-paunchd": {"config_id": "mine"}}), ["config.x-paunchd.config_id", "stack and resource"]),
        (entry(step="four"), ["`step`", "whole number"]),
        (entry(timeout_seconds="soon"), ["`timeout_seconds`", "number"]),
        (entry(deploy_action="EXPLODE"), ["deploy_action", "CREATE, UPDATE, DELETE"]),
        ({"config": {"web": {}}}, ["deploy_stack_id", "name"]),
        ({"name": "x", "inputs": []}, ["no `config`"]),
        *(({"name": "x", "config": {}, "inputs": odd}, ["`inputs`", "a list"]) for odd in ("abc", {"a": 1}, [1], [{}])),
    ],
)
async def test_what_cannot_be_used_is_refused_with_key_and_cause(place, daemon, asked, words):
    """Nothing is written then, and Heat shows what to mend."""
    answer = await place.deploy(asked)
    assert answer["deploy_status_code"] == 1
    assert all(word in answer["deploy_stderr"] for word in words), answer["deploy_stderr"]
    assert place.files() == []
