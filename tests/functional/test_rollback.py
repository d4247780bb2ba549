"""A new version that fails never costs the node its good container, and is not tried again until something changes."""

import pytest

from tests.functional.node import running_script, service

pytestmark = pytest.mark.engine


def come_up_good(node, **keys):
    """Bring up a good first version and return its container's id."""
    node.write("app", {"web": service(), **keys})
    node.proves()
    return node.id("web")


def rolled_back_to(node, good):
    """Wait until the very container that was good has the name and runs, with nothing left over."""
    node.becomes("rolled-back", "web")

    def back():
        return node.id("web") == good and node.running("web") and node.ps().keys() == {"web"}

    node.eventually(back)
    assert node.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "always"
    node.check_never_two_running()


def test_a_version_that_the_engine_refuses_to_make_is_rejected_and_the_good_one_is_never_touched(started):
    """What cannot be created costs no switch: the good container does not even stop."""
    good = come_up_good(started)
    since = started.started_at("web")
    started.write("app", {"web": service(cap_add=["NO_SUCH_CAPABILITY"])})
    rolled_back_to(started, good)
    assert started.started_at("web") == since
    assert "NO_SUCH_CAPABILITY" in started.row("web")["reason"]


def test_a_version_that_the_engine_refuses_to_start_is_rolled_back(started):
    """A command that is not there is found out at the start, and the good one comes back at once (T-035)."""
    good = come_up_good(started)
    started.write("app", {"web": service(command=["/no/such/program"])})
    rolled_back_to(started, good)
    assert "no such" in started.row("web")["reason"]


def test_a_rejected_version_is_tried_again_when_asked_to(started, tmp_path):
    """``retry`` gives it another chance, and where its cause is gone it stays (T-110)."""
    flags = tmp_path / "flags"
    flags.mkdir()
    good = come_up_good(started)
    needs_flag = running_script(
        "[ -e /flags/up ] || exit 4; while :; do sleep 0.1; done",
        restart="no",
        stop_signal="SIGKILL",
        volumes=[f"{flags}:/flags"],
    )
    started.write("app", {"web": needs_flag})
    rolled_back_to(started, good)
    (flags / "up").touch()
    started.ask_to("retry", "web")
    started.proves()
    assert started.id("web") != good


def test_taking_back_a_rejected_version_leaves_the_good_container_as_it_is(started):
    """Writing the good version again costs no restart: it already runs."""
    good = come_up_good(started)
    started.write("app", {"web": running_script("exit 3", restart="no")})
    rolled_back_to(started, good)
    starts = started.actions("web").count("start")
    started.write("app", {"web": service()})
    started.proves()
    assert started.id("web") == good
    assert started.actions("web").count("start") == starts


def test_the_first_version_of_a_container_is_never_rejected(started):
    """Without a good one to return to a crash loop goes on, is told, and may yet come up by itself (T-026, T-068)."""
    flag = "/tmp/second-start"
    comes_up_later = running_script(f"[ -e {flag} ] || {{ touch {flag}; exit 1; }}; exec sleep 3600", stop_signal="9")
    started.write("app", {"web": comes_up_later})
    started.proves()
    assert started.detail("web")["rejected"] == []


def test_a_failed_first_version_is_told_and_replaced_by_the_next(started):
    """A first version past its deadline is failed, and the next one takes its place without keeping it."""
    sick = service(healthcheck={"test": "false", "interval": "60s"}, rollout={"healthy_deadline_seconds": 1})
    started.write("app", {"web": sick})
    started.becomes("failed", "web")
    assert started.get("/v1/configs/app")["failed"]
    started.write("app", {"web": service()})
    started.proves()
    assert started.detail("web")["rejected"] == []


def test_an_upgrade_stops_at_the_first_step_that_does_not_come_back(started):
    """When a service of one step fails its upgrade, the services of later steps are not changed (T-111)."""
    started.write("one", {"db": service()}, step=1)
    started.write("two", {"api": service()}, step=2)
    started.proves()
    before = started.ids()
    started.write("one", {"db": running_script("exit 3", restart="no", environment={"V": "2"})}, step=1)
    started.write("two", {"api": service(environment={"V": "2"})}, step=2)
    started.becomes("rolled-back", "db")
    started.becomes("blocked", "api")
    assert started.row("api")["blocked_by"] == [started.full("db")]
    started.eventually(lambda: started.ids() == before)
