"""What is written for people says what the program does: keys, settings, commands, examples."""

import re
from pathlib import Path
from typing import get_args

import click
import pytest
import yaml
from prometheus_client import CollectorRegistry

from paunchd import settings, spec
from paunchd.api.changes import Change
from paunchd.api.events import Reset
from paunchd.api.routes import ROUTES
from paunchd.cli import paunchctl
from paunchd.formats import Origin, parse
from paunchd.formats.paunch import HEADER_KEYS
from paunchd.metrics import LANE_REASONS, ROLLBACK_REASONS, Metrics
from paunchd.metrics_node import FAMILIES
from paunchd.reconcile.model import State

ROOT = Path(__file__).parents[2]
FORMAT = (ROOT / "docs" / "format.md").read_text()
METRICS = (ROOT / "docs" / "metrics.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
README = (ROOT / "README.md").read_text()


def rows(text: str, head: str) -> dict[str, list[str]]:
    """Map the quoted word of each row's first cell to the others, over every table whose first column is *head*."""
    found: dict[str, list[str]] = {}
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        first = re.fullmatch(r"`([^`]+)`", cells[0]) if cells else None
        if not cells:
            inside = False
        elif cells[0] == head:
            inside = True
        elif inside and first:
            assert first[1] not in found, f"`{first[1]}` is there twice"
            found[first[1]] = cells[1:]
    return found


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_reference_names_every_key_and_no_other():
    """Whoever looks a key up finds it, and finds none that a file would be broken by."""
    declared = set(rows(FORMAT, "key")) | set(rows(FORMAT, "spelling")) | set(rows(FORMAT, "without effect"))
    assert declared == set(spec.KEYS)


def test_the_reference_says_what_each_other_spelling_stands_for():
    """An alias leads to the key that is meant."""
    assert {key: cells[0].strip("`") for key, cells in rows(FORMAT, "spelling").items()} == dict(spec.ALIASES)


def test_the_reference_names_what_has_no_effect():
    """A key that does nothing is not promised to do something."""
    assert set(rows(FORMAT, "without effect")) == set(spec.NO_EFFECT)


@pytest.mark.parametrize(
    ("head", "keys"),
    [
        ("header", HEADER_KEYS),
        ("healthcheck", spec.Healthcheck.KEYS),
        ("rollout", spec.Rollout.KEYS),
        ("config_files", spec.ConfigFiles.KEYS),
    ],
)
def test_the_reference_names_the_keys_of_each_part(head, keys):
    """Header, health check and rollout have exactly the keys that are described."""
    assert set(rows(FORMAT, head)) == set(keys)


def test_the_reference_says_what_a_change_of_each_key_does():
    """Replaced, set in place, or left alone: as the hash and the updates really have it."""
    told = {key: cells[-1] for key, cells in rows(FORMAT, "key").items()}
    expected = dict.fromkeys(told, "replaces")
    expected |= dict.fromkeys(spec._UPDATABLE, "in place")
    expected |= {key: "nothing" for key in spec._METADATA if key in told}
    assert told == expected


def test_the_readme_names_every_setting_with_its_default():
    """The settings in the README are those of the program."""
    block = next(text for text in fenced("yaml") if text.startswith("owner:"))
    shown = yaml.safe_load(block)
    conf = yaml.safe_load((ROOT / "conf" / "paunchd.yaml").read_text())
    assert shown == conf
    assert set(shown) == set(settings.Settings.model_fields)


def test_the_readme_names_every_command_of_the_client():
    """No command is promised that is not there, and none is hidden."""
    assert isinstance(paunchctl, click.Group)
    named = {words.split()[0] for words in rows(README, "command")}
    assert named == set(paunchctl.commands)


def test_the_readme_names_every_address_of_the_api():
    """What can be asked is what is listed."""
    assert set(rows(README, "address")) == {f"{route.method} {route.path}" for route in ROUTES} | {"GET /openapi.json"}


def exported():
    """Every metric of ours with its type, its labels and its help text."""
    registry = CollectorRegistry()
    Metrics(registry)
    labels = {f"paunchd_{family.name}": family.labels for family in FAMILIES}
    labels |= {one._name: one._labelnames for one in registry._collector_to_names if hasattr(one, "_labelnames")}
    found = {}
    for metric in registry.collect():
        if metric.name.startswith("paunchd_"):
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            listed = ", ".join(f"`{label}`" for label in labels[metric.name])
            found[name] = [metric.type, listed or "–", metric.documentation]
    return found


def test_the_reference_names_every_metric_as_it_is_exported():
    """Type, labels and help text of each, and none that is not there."""
    assert rows(METRICS, "metric") == exported()


def test_the_readme_says_of_a_metric_what_its_help_says():
    """A dashboard made from the README finds its series, and they are what it says."""
    there = exported()
    told = rows(README, "metric")
    assert told
    assert told == {name: [there[name][-1]] for name in told}
    assert set(re.findall(r"`(paunchd_\w+)`", README + METRICS)) <= there.keys()


def test_the_reference_explains_every_reason_that_labels_a_metric():
    """Whoever sees a reason in an alert can look it up."""
    assert set(rows(METRICS, "rollback reason")) == set(ROLLBACK_REASONS)
    assert set(rows(METRICS, "lane reason")) == set(LANE_REASONS)


def test_the_readme_explains_every_state():
    """A state that `paunchctl status` shows can be looked up."""
    assert set(rows(README, "state")) == {state.value for state in State}


def test_the_api_reference_names_every_address_and_parameter():
    """What can be asked is what is described, and nothing else is."""
    assert set(rows(API, "address")) == {f"{route.method} {route.path}" for route in ROUTES} | {"GET /openapi.json"}
    described = {(name, cells[0].strip("`")) for name, cells in rows(API, "parameter").items()}
    assert described == {(parameter.name, route.path) for route in ROUTES for parameter in route.query}


def test_the_api_reference_names_every_event_with_its_fields():
    """Whoever writes a reader of events finds each kind and what it carries."""
    told = {kind: set(re.findall(r"`(\w+)`", cells[0])) for kind, cells in rows(API, "kind").items()}
    views = [*get_args(get_args(Change)[0]), Reset]
    assert told == {view.model_fields["kind"].default: set(view.model_fields) - {"kind", "at"} for view in views}


def test_the_operations_guide_says_what_to_do_in_every_state():
    """Whatever `paunchctl status` shows, an operator finds a row that begins with it."""
    assert set(rows(OPERATIONS, "state")) == {state.value for state in State}


def test_the_guides_name_only_commands_there_are():
    """What is copied from a guide is understood by the client."""
    for text in (OPERATIONS, README):
        named = set(re.findall(r"paunchctl ([a-z][a-z-]+)", text))
        assert named <= set(paunchctl.commands), named - set(paunchctl.commands)


def test_every_definition_in_the_readme_is_one():
    """What is copied from the README is accepted."""
    definitions = [
        text for text in fenced("yaml") if not text.startswith(("owner:", "resources:")) and "image:" in text
    ]
    (template,) = [yaml.safe_load(text) for text in fenced("yaml") if text.startswith("resources:")]
    definitions.append(yaml.safe_dump(template["resources"]["web_config"]["properties"]["config"]))
    for text in definitions:
        assert parse(text.encode(), Origin("readme.yaml", "readme")).faults == ()
