"""A real Prometheus scrapes a real daemon through a rollout and a rollback; the dashboard is asked of the same data."""

import json
import re
import uuid
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT
from tests.functional.node import Node, running_script, service
from tests.functional.prometheus_side import PrometheusServer, promtool
from tests.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

DASHBOARD = json.loads((ROOT / "contrib" / "grafana" / "paunchd.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
QUERIES += [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]
VARIABLES = {"$job": ".*", "$instance": ".*", "$__rate_interval": "1m", "$__range": "1h"}
ABSENT_WHILE_WELL = ("paunchd_container_failed_attempts", "paunchd_container_restarts_total")


def filled_in(expression):
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, f"a variable that nobody fills in: {expression}"
    return expression


class Scraped:
    """A node after a first start, a rollout and a rollback, and the Prometheus that watched all of it."""

    def __init__(self, node, server):
        self.node, self.server = node, server

    def sees(self, expression, value):
        """Wait until *expression* has *value*."""

        def seen():
            now = self.server.value(expression)
            assert now == value, f"{expression} is {now}, not {value}"
            return True

        self.node.eventually(seen)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory, engine_side):
    directory = tmp_path_factory.mktemp("scraped")
    listen = f"127.0.0.1:{free_port()}"
    api = {"socket": str(directory / "api.sock"), "socket_group": "0", "listen": [listen]}
    with closing(Node(directory, engine_side, f"test-{uuid.uuid4().hex[:12]}", api=api)) as node:
        node.start()
        with closing(PrometheusServer(directory, listen, free_port())) as server:
            told = Scraped(node, server)
            told.sees("up", 1)
            told.sees("paunchd_settled", 1)
            node.write("app", {"web": service()})
            node.proves()
            node.write("app", {"web": service(environment={"V": "2"})})
            node.proves()
            node.write("app", {"web": running_script("exit 3", restart="no")})
            node.becomes("rolled-back", "web")
            told.sees(f'paunchd_container_state{{name="{node.full("web")}", state="rolled-back"}}', 1)
            yield told


def test_a_rollout_and_a_rollback_are_seen(scraped):
    """What happened to the node is what Prometheus has."""
    scraped.sees('paunchd_rollouts_total{reason="new"}', 1)
    scraped.sees('paunchd_rollouts_total{reason="config-changed"}', 2)
    scraped.sees('paunchd_rollouts_total{reason="rollback"}', 1)
    scraped.sees('paunchd_rollbacks_total{reason="exited"}', 1)
    scraped.sees('sum(paunchd_rollbacks_total{reason!="exited"})', 0)
    scraped.sees("paunchd_switch_downtime_seconds_count", 2)
    scraped.sees('paunchd_containers{state="rolled-back"}', 1)
    scraped.sees('paunchd_container_rejected{reason="exited"}', 1)
    scraped.sees("paunchd_settled", 0)
    scraped.sees("paunchd_generation - paunchd_observed_generation", 0)


def test_increases_are_seen_from_the_first_event_on(scraped):
    """A rollback that is the first of its reason is an increase, so its alert fires."""
    scraped.sees('increase(paunchd_rollbacks_total{reason="exited"}[5m]) > bool 0', 1)
    scraped.sees('increase(paunchd_rollbacks_total{reason="oom"}[5m]) > bool 0', 0)


def test_time_is_told_in_seconds_since_the_epoch(scraped):
    """The last pass was a moment ago, and the name that was rolled back has been unsettled since the test began."""
    scraped.sees("time() - paunchd_last_pass_timestamp_seconds < bool 30", 1)
    scraped.sees("time() - paunchd_oldest_unsettled_timestamp_seconds < bool 300", 1)
    scraped.sees("paunchd_last_pass_timestamp_seconds >= bool process_start_time_seconds", 1)


def test_availability_is_a_share(scraped):
    """A container that served all but its switches has been ready most of the time, and never more than all of it."""
    name = scraped.node.full("web")
    ready, expected = (f'paunchd_container_{what}_seconds_total{{name="{name}"}}' for what in ("ready", "expected"))
    scraped.sees(f"{ready} > bool 0", 1)
    scraped.sees(f"{ready} <= bool {expected}", 1)


def test_a_loop_of_restarts_is_seen(started):
    """The engine restarts what ends by itself, and how often is told although nothing is done about it."""
    script = "while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 1"
    started.write("app", {"web": running_script(script, stop_signal="SIGKILL")})
    started.proves()
    line = f'paunchd_container_restarts_total{{name="{started.full("web")}"}}'
    assert started.metric(line) == 0
    started.run_in("web", "touch", "/tmp/end")
    started.eventually(lambda: started.metric(line) >= 2)


def test_promtool_finds_nothing_to_say_of_the_metrics(scraped):
    """Names, units, types and help texts are as Prometheus wants them."""
    assert promtool("check", "metrics", text=scraped.node.get("/metrics")) == (0, "")


@pytest.mark.parametrize("query", sorted(set(QUERIES)))
def test_every_query_of_the_dashboard_has_an_answer(scraped, query):
    """It parses, names only what the daemon exports, and shows something after a rollback."""
    names = {
        sample.name
        for family in text_string_to_metric_families(scraped.node.get("/metrics"))
        for sample in family.samples
    } | {*ABSENT_WHILE_WELL}
    assert set(re.findall(r"\b(?:paunchd|process)_\w+", query)) <= names
    expression = filled_in(query)
    if any(name in query for name in ABSENT_WHILE_WELL):
        scraped.server.query(expression)
    else:
        scraped.node.eventually(lambda: scraped.server.query(expression))


def test_the_dashboard_fits_any_grafana():
    """No data source is hard-coded, ids are unique, panels do not overlap, and what is shown can be chosen by node."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    sources = re.findall(r'"uid": "([^"]*)"', json.dumps({"p": PANELS, "t": DASHBOARD["templating"]}))
    assert set(sources) == {"${datasource}"}
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables.keys() == {"datasource", "job", "instance"}
    assert all('instance=~"$instance"' in query for query in QUERIES)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
