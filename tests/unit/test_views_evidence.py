"""What is kept of a rejected revision is shown to those who may see it."""

import json

from paunchd import cli_tables
from paunchd.api import views
from tests import snapshots

KEPT = {
    "hash": "v1:new",
    "cause": "unhealthy",
    "at": snapshots.EPOCH + 90.7,
    "exit_code": 3,
    "oom_killed": False,
    "restart_count": 2,
    "health_output": "connection refused",
    "logs": "\n".join(f"line {number}" for number in range(200)),
    "error": "what the engine said",
    "plan": "back: verdict\n  reject v1:new of back: unhealthy",
}


def rejected(*evidence, words=True):
    view = views.container_detail_view(snapshots.troubled(), "back")
    (one,) = json.loads(views.with_evidence(view, evidence, words=words).model_dump_json())["rejected"]
    return one


def page(*evidence, words=True):
    view = views.container_detail_view(snapshots.troubled(), "back")
    shown = views.with_evidence(view, evidence, words=words).model_dump(mode="json")
    console = cli_tables.console()
    with console.capture() as capture:
        console.print(cli_tables.container_page(shown))
    return capture.get()


def test_evidence_stands_with_the_revision_it_is_of():
    """How it ended, when, and what it said; the rest of the record stays inside."""
    assert rejected(KEPT) == {
        "revision": "v1:new",
        "cause": "unhealthy",
        "at": "2026-11-22T12:01:30Z",
        "exit_code": 3,
        "oom_killed": False,
        "restart_count": 2,
        "health_output": "connection refused",
        "logs": KEPT["logs"].splitlines(),
    }


def test_a_containers_own_words_are_not_for_everybody():
    """Whoever may only read hears how it ended, and not what it printed, which may hold anything."""
    one = rejected(KEPT, words=False)
    assert (one["exit_code"], one["logs"], one["health_output"]) == (3, None, None)


def test_without_evidence_the_cause_is_told():
    """A revision that was never made has none, and evidence of another revision is not taken for it."""
    for evidence in ((), ({**KEPT, "hash": "v1:other"},), ({"hash": "v1:new", "cause": "", "at": 1.0},)):
        one = rejected(*evidence)
        assert (one["cause"], one["exit_code"], one["logs"]) == ("unhealthy", None, None)


def test_a_person_reads_the_end_of_the_log():
    """`paunchctl show` has the last lines, each on one of its own, and says how many there are."""
    shown = page(KEPT)
    assert "exit_code=3" in shown
    assert "last health test:\n      | connection refused" in shown
    assert "log (last 40 of 200 lines):\n      | line 160\n" in shown
    assert "      | line 199" in shown
    assert "logs=" not in shown


def test_what_a_container_printed_cannot_play_with_the_terminal():
    """Control characters of a log are not passed on."""
    assert "\x1b" not in page({**KEPT, "logs": "\x1b[2Jgone", "health_output": "\x1b]0;title\x07"})


def test_a_page_without_evidence_has_no_empty_headings():
    """Nothing is announced that is not there."""
    shown = page(KEPT, words=False)
    assert "log" not in shown.replace("last", "")
    assert "health test" not in shown
