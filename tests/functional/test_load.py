"""Under start-first a service that many ask at once is replaced without any of them noticing."""

import pytest

from tests.functional.engine_side import fewest_running_at_once
from tests.load.stage import replaced_under_load

pytestmark = pytest.mark.engine

SWITCHES = 3


def test_no_request_is_lost_while_the_service_is_replaced(started):
    """At 200 requests a second, each with a connection of its own, every one is answered by a version that then ran."""
    visits = replaced_under_load(started, SWITCHES, rate=200)
    assert [visit for visit in visits if visit.fault] == []
    answers = [visit.answer for visit in sorted(visits, key=lambda visit: visit.due)]
    assert list(dict.fromkeys(answers)) == [f"v{number}" for number in range(SWITCHES + 1)]
    assert fewest_running_at_once(started.happenings("web")) == {started.full("web"): 1}
    assert started.metric('paunchd_rollouts_total{reason="config-changed"}') == SWITCHES
