"""Containers that are rolled out together stand and fall together; and what a person takes back comes back."""

import subprocess
import sys

import pytest

from tests.functional.node import running_script, service

pytestmark = pytest.mark.engine

GROUP = {"group": "pair"}
BAD_IMAGE = "paunchd.test/bad:1"


def member(**keys):
    return service(rollout=GROUP, **keys)


def second(**keys):
    return member(environment={"V": "2"}, **keys)


def pair(node):
    """Bring up a good group of two and return its ids."""
    node.write("one", {"api": member()})
    node.write("two", {"db": member()})
    node.proves()
    return node.ids()


def ctl(node, *arguments):
    """Run paunchctl as an operator does."""
    arguments = ["--socket", str(node.socket), *arguments]
    return subprocess.run(
        [sys.executable, "-m", "paunchd.cli", *arguments], capture_output=True, text=True, check=False, timeout=30
    )


def back_to(node, good):
    node.becomes("rolled-back", *good)
    node.eventually(lambda: node.ids() == good and all(node.running(name) for name in good))


def untag(node, image):
    node.engine.call("DELETE", f"/images/{image}?noprune=1")


@pytest.fixture
def bad_image(started):
    """Another name for the stub image, to be taken away while a container of it runs."""
    repo, _, tag = BAD_IMAGE.partition(":")
    started.engine.call("POST", f"/images/paunchd.test/stub:1/tag?repo={repo}&tag={tag}")
    yield BAD_IMAGE
    if f'"{BAD_IMAGE}"' in str(started.engine.call("GET", "/images/json")).replace("'", '"'):
        untag(started, BAD_IMAGE)


# --- groups -------------------------------------------------------------------------------------------------------


def test_a_group_goes_on_together(started):
    """Both are replaced, and after probation nothing is left of either rollout."""
    good = pair(started)
    started.write("one", {"api": second()})
    started.write("two", {"db": second()})
    started.proves()
    assert not set(started.ids().values()) & set(good.values())
    started.check_never_two_running()


def test_when_one_of_a_group_fails_both_are_back_under_their_old_ids(make_node):
    """The healthy one goes back as well, says because of whom, and neither is tried again (S-14)."""
    node = make_node(rollout__probation_seconds=30)
    node.start()
    quick = {**GROUP, "probation_seconds": 0}
    node.write("one", {"api": service(rollout=quick)})
    node.write("two", {"db": service(rollout=quick)})
    node.proves()
    good = node.ids()
    node.write("one", {"api": second()})
    node.becomes("proving", "api")
    failing = running_script("sleep 0.5; echo no schema; exit 3", restart="no", rollout=GROUP)
    node.write("two", {"db": failing})
    back_to(node, good)
    assert f"{node.full('db')} of its group pair failed: exited with code 3" in node.row("api")["reason"]
    assert node.row("db")["reason"] == "exited with code 3"
    (rejected,) = node.detail("db")["rejected"]
    assert "no schema" in rejected["logs"]
    node.passes(3)
    assert node.ids() == good
    node.check_never_two_running()


def test_a_member_that_did_not_change_is_left_alone(started):
    """A group is who changes; the others notice nothing of a rollout, nor of its failure."""
    good = pair(started)
    since = started.started_at("db")
    started.write("one", {"api": {**running_script("exit 3", restart="no"), "rollout": GROUP}})
    started.becomes("rolled-back", "api")
    started.eventually(lambda: started.ids() == good)
    assert started.started_at("db") == since
    assert started.state("db") == "running"


def test_a_group_that_was_taken_back_is_tried_again_at_one_word(started, tmp_path):
    """`retry` of the one that failed lifts the rejection of the rest as well."""
    flags = tmp_path / "flags"
    flags.mkdir()
    good = pair(started)
    script = "[ -e /flags/up ] || exit 4; while :; do sleep 0.1; done"
    needs = running_script(script, restart="no", stop_signal="SIGKILL", volumes=[f"{flags}:/flags"], rollout=GROUP)
    started.write("all", {"api": second(), "db": needs})
    started.delete("one")
    started.delete("two")
    back_to(started, good)
    (flags / "up").touch()
    assert ctl(started, "retry", started.full("db")).returncode == 0
    started.proves()
    assert not set(started.ids().values()) & set(good.values())


# --- by hand ------------------------------------------------------------------------------------------------------


def test_a_rollback_by_hand_in_probation_brings_back_the_kept_container(make_node):
    """While the old one is still there it is that very container which comes back, and it stays."""
    node = make_node(rollout__probation_seconds=30)
    node.start()
    node.write("app", {"web": service(rollout={"probation_seconds": 0})})
    node.proves()
    good = node.ids()
    node.write("app", {"web": service(environment={"V": "2"})})
    node.becomes("proving", "web")
    asked = ctl(node, "rollback", node.full("web"))
    assert (asked.returncode, asked.stdout) == (0, f"{node.full('web')}: rollback accepted\n")
    back_to(node, good)
    assert "rolled back by an operator" in node.row("web")["reason"]
    node.restart()
    node.passes(3)
    assert node.ids() == good
    node.check_never_two_running()


def test_a_rollback_by_hand_long_after_makes_the_old_version_again(started, bad_image):
    """The kept container and even the image to get away from are gone: the stored definition is enough."""
    started.write("app", {"web": service(environment={"V": "1"})})
    started.proves()
    old = started.row("web")["running_hash"]
    started.write("app", {"web": service(bad_image, environment={"V": "2"})})
    started.proves()
    bad = started.id("web")
    untag(started, bad_image)
    assert ctl(started, "rollback", started.full("web")).returncode == 0
    started.becomes("rolled-back", "web")
    started.eventually(lambda: started.row("web")["running_hash"] == old and started.ps().keys() == {"web"})
    assert started.id("web") != bad
    assert "V=1" in started.inspect("web")["Config"]["Env"]
    started.check_never_two_running()
    started.write("app", {"web": service(environment={"V": "3"})})
    started.proves()


def test_a_failed_version_whose_image_is_gone_is_rolled_back(make_node):
    """Nothing of the bad version is needed to leave it: not its image, not a registry."""
    node = make_node(rollout__probation_seconds=60)
    node.start()
    repo, _, tag = BAD_IMAGE.partition(":")
    node.engine.call("POST", f"/images/paunchd.test/stub:1/tag?repo={repo}&tag={tag}")
    node.write("app", {"web": service(rollout={"probation_seconds": 0})})
    node.proves()
    good = node.ids()
    dies = "while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 3"
    node.write("app", {"web": running_script(dies, restart="no", image=BAD_IMAGE, stop_signal="SIGKILL")})
    node.becomes("proving", "web")
    untag(node, BAD_IMAGE)
    node.run_in("web", "touch", "/tmp/go")
    back_to(node, good)


def test_a_rollback_by_hand_takes_the_group_along(started):
    """Who was proven together goes back together, at one word for one of them."""
    pair(started)
    before = {name: started.row(name)["running_hash"] for name in ("api", "db")}
    started.write("one", {"api": second()})
    started.write("two", {"db": second()})
    started.proves()
    assert ctl(started, "rollback", started.full("api")).returncode == 0
    started.becomes("rolled-back", "api", "db")
    started.eventually(lambda: {name: started.row(name)["running_hash"] for name in before} == before)


def test_the_first_version_there_ever_was_cannot_be_taken_back(started):
    """The answer says that there is nothing to go back to, and nothing happens."""
    started.write("app", {"web": service()})
    started.proves()
    good = started.ids()
    asked = ctl(started, "rollback", started.full("web"))
    assert asked.returncode == 1
    assert "no good revision but the desired one is known" in asked.stderr
    started.passes(2)
    assert started.ids() == good
    assert started.state("web") == "running"


def test_a_good_container_that_gets_unhealthy_is_restarted_where_that_is_wanted(started):
    """The same container is started anew, and not more often than back-off allows."""
    check = {"test": "test ! -e /tmp/sick", "interval": "1s", "retries": 1, "timeout": "2s"}
    script = "rm -f /tmp/sick; while :; do sleep 0.1; done"
    cared_for = running_script(script, stop_signal="SIGKILL", healthcheck=check, on_unhealthy="restart")
    started.write("app", {"web": cared_for})
    started.proves()
    good, since = started.id("web"), started.started_at("web")
    started.run_in("web", "touch", "/tmp/sick")
    started.eventually(lambda: started.started_at("web") != since)
    started.proves()
    assert started.id("web") == good
    assert [event["event"] for event in started.history("web")].count("unhealthy") == 1
