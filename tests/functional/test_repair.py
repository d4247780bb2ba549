"""Repair blocks nobody and is blocked by nobody, and is tried again later and later."""

import pytest

from tests.functional.node import running_script, service, task

pytestmark = pytest.mark.engine


def test_a_container_that_keeps_ending_is_repaired_with_growing_pauses(started, tmp_path):
    """A good container that does not stay up is tried again later and later, and says when (S-19)."""
    flags = tmp_path / "flags"
    flags.mkdir()
    script = "[ -e /flags/down ] && exit 1; trap 'exit 1' TERM; while :; do sleep 0.1; done"
    volumes = [f"{flags}:/flags"]
    started.write("app", {"web": running_script(script, restart="on-failure:1", volumes=volumes)})
    started.proves()
    before = started.id("web")
    (flags / "down").touch()
    started.by_hand("POST", "web", "stop")
    started.eventually(lambda: started.detail("web")["attempts_failed"] >= 3)
    started.becomes("waiting", "web")
    started.eventually(lambda: started.row("web")["next_attempt"])
    (flags / "down").unlink()
    started.becomes("running", "web")
    assert started.id("web") == before


def test_a_task_that_was_done_is_not_run_again_because_its_container_is_gone(started):
    """Removing the container of a finished task by hand changes nothing: done is done."""
    started.write("app", {"sync": task("exit 0")})
    started.becomes("succeeded", "sync")
    started.by_hand("DELETE", "sync")
    started.passes(3)
    assert started.state("sync") == "succeeded"
    assert not started.ps()


def test_repair_is_never_blocked_by_an_earlier_failure(started):
    """A proven container of a later step comes back although an earlier step has failed (T-111)."""
    started.write("one", {"sync": task("exit 0")}, step=1)
    started.write("two", {"api": service()}, step=2)
    started.proves()
    started.write("one", {"sync": task("exit 1")}, step=1)
    started.becomes("failed", "sync")
    first = started.id("api")
    started.by_hand("DELETE", "api?force=1")
    started.eventually(lambda: started.id("api") not in ("", first) and started.running("api"))
