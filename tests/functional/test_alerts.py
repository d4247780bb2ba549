"""The alert rules: promtool is content, each is tried, and what they tell people to type exists."""

import re

import pytest
import yaml
from prometheus_client import CollectorRegistry

from paunchd.cli import paunchctl
from paunchd.metrics import Metrics
from paunchd.reconcile.model import State
from tests.conftest import ROOT
from tests.functional.prometheus_side import promtool

PLACE = ROOT / "contrib" / "prometheus"
RULES = PLACE / "paunchd.rules.yaml"
TRIALS = PLACE / "tests" / "paunchd.test.yaml"
ALERTS = {one["alert"]: one for group in yaml.safe_load(RULES.read_text())["groups"] for one in group["rules"]}
TRIED = {one["name"]: one for one in yaml.safe_load(TRIALS.read_text())["tests"]}


def exported():
    registry = CollectorRegistry()
    Metrics(registry)
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {metric.name + suffix for metric in registry.collect() for suffix in suffixes.get(metric.type, ("",))}


def test_promtool_accepts_the_rules_and_the_example():
    """What is copied to a Prometheus is loaded by it."""
    code, said = promtool("check", "rules", RULES)
    assert code == 0, said
    code, said = promtool("check", "config", PLACE / "prometheus.yaml")
    assert code == 0, said


def test_each_alert_fires_for_the_sick_and_is_quiet_for_the_well():
    """Over made-up histories, at the time it should, and with the words it should have."""
    code, said = promtool("test", "rules", TRIALS)
    assert code == 0, said


def test_no_alert_is_untried():
    """Each has a history in which it is quiet first and fires then, beside a node for which it does not."""
    assert TRIED.keys() == ALERTS.keys()
    for name, trial in TRIED.items():
        early, late = trial["alert_rule_test"]
        assert (early["alertname"], late["alertname"]) == (name, name)
        assert not early["exp_alerts"]
        assert late["exp_alerts"]
        assert any('instance="well"' in series["series"] for series in trial["input_series"])


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_to_do(name):
    """Whoever is woken finds a command that exists."""
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert set(alert["annotations"]) == {"summary", "description"}
    commands = re.findall(r"`([^`]+)`", alert["annotations"]["description"])
    assert any(command.split()[0] in ("paunchctl", "systemctl", "journalctl") for command in commands)
    assert {words.split()[1] for words in commands if words.startswith("paunchctl")} <= set(paunchctl.commands)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_only_for_what_is_exported(name):
    """Neither a series nor a state that does not exist is waited for."""
    expression = ALERTS[name]["expr"]
    assert set(re.findall(r"\bpaunchd_\w+", expression)) <= exported()
    assert set(re.findall(r'state="([^"]+)"', expression)) <= {state.value for state in State}
