"""Tasks and execs: what runs once, what it leaves behind, and whom its failure holds up."""

import pytest

from tests.functional.node import service, task

pytestmark = pytest.mark.engine


def exec_in(target, *command, **keys):
    return {"action": "exec", "command": [target, *command], **keys}


def starts(node, name):
    return node.actions(name).count("start")


def test_a_task_runs_once_and_its_container_stays_to_be_read(started, docker):
    """A task that succeeded is not run again, neither at the next pass nor by the next daemon, and its log can be
    read.
    """
    started.write("app", {"sync": task("echo synced")})
    started.becomes("succeeded", "sync")
    started.restart()
    started.becomes("succeeded", "sync")
    started.passes()
    assert starts(started, "sync") == 1
    assert docker("logs", started.full("sync")) == "synced"


def test_a_changed_task_runs_again_in_a_new_container(started):
    """A new hash means a new run in a container made for it, never a start of the old one (T-024, T-093)."""
    started.write("app", {"sync": task("exit 0", environment={"TRIPLEO_DEPLOY_IDENTIFIER": "1"})})
    started.becomes("succeeded", "sync")
    first = started.id("sync")
    started.write("app", {"sync": task("exit 0", environment={"TRIPLEO_DEPLOY_IDENTIFIER": "2"})})
    started.eventually(lambda: started.id("sync") not in ("", first))
    started.becomes("succeeded", "sync")
    assert starts(started, "sync") == 2
    assert started.ps().keys() == {"sync"}


def test_a_task_that_asks_to_be_removed_is_removed_and_still_counts_as_done(started):
    """``remove: true`` is carried out by us, and what is gone is not run again."""
    started.write("app", {"sync": task("exit 0", remove=True)})
    started.becomes("succeeded", "sync")
    started.eventually(lambda: not started.ps())
    started.restart()
    started.passes(3)
    assert started.state("sync") == "succeeded"
    assert starts(started, "sync") == 1


def test_a_failed_task_is_never_counted_as_done(started):
    """It is failed, says its exit code, makes its config fail, and is not silently passed at the next start (T-026,
    T-110).
    """
    started.write("app", {"sync": task("echo no database; exit 5")})
    started.becomes("failed", "sync")
    assert "exit code 5" in started.row("sync")["reason"]
    assert started.get("/v1/configs/app")["failed"]
    assert started.get("/v1/configs/app")["failed_names"] == [started.full("sync")]
    started.restart()
    started.becomes("failed", "sync")
    started.passes()
    assert starts(started, "sync") == 1
    started.ask_to("retry", "sync")
    started.eventually(lambda: starts(started, "sync") == 2)
    started.becomes("failed", "sync")


def test_the_output_of_a_task_is_in_its_result_whatever_its_bytes(started, docker):
    """What a failing task said is kept beside its exit code, also where it is no text (T-027, T-030)."""
    started.write("app", {"sync": task(r"echo out; echo err >&2; printf '\377\376'; exit 5")})
    started.becomes("failed", "sync")
    result = started.detail("sync")["results"][0]
    assert (result["succeeded"], result["exit_code"]) == (False, 5)
    kept = started.kept_output("sync")
    assert "out" in kept
    assert "err" in kept


def test_exit_codes_say_what_success_is(started):
    """An exit code that is listed is a success, and 0 is none where it is not listed (T-032)."""
    started.write("app", {"puppet": task("exit 2", exit_codes=[0, 2]), "odd": task("exit 0", exit_codes=[1])})
    started.becomes("succeeded", "puppet")
    started.becomes("failed", "odd")


def test_a_task_is_tried_as_often_as_it_says(started):
    """``retries`` runs it again in new containers until it succeeds or has had them all."""
    started.write("app", {"sync": task("exit 1", retries=2)})
    started.becomes("failed", "sync")
    assert starts(started, "sync") == 3
    assert started.detail("sync")["results"][0]["attempts"] == 3
    assert started.ps().keys() == {"sync"}


def test_a_task_that_takes_longer_than_it_may_is_killed(started):
    """``timeout_seconds`` bounds a task, and says so; without it there is no bound (T-036, T-121)."""
    started.write("app", {"hangs": task("sleep 3600", timeout_seconds=0.5), "long": task("sleep 3600")})
    started.becomes("failed", "hangs")
    assert "still running after 0.5 s" in started.row("hangs")["reason"]
    started.becomes("starting", "long")
    assert started.running("long")


def test_a_failed_task_blocks_what_comes_after_it_and_nothing_else(started):
    """Whoever waits says for whom; other configs go on; once the task is mended all come up (T-111, S-20)."""
    started.write("db", {"sync": task("exit 1"), "api": service(start_order=1)}, step=3)
    started.write("later", {"agent": service()}, step=4)
    started.write("other", {"web": service()})
    started.becomes("failed", "sync")
    started.becomes("running", "web")
    started.becomes("blocked", "api", "agent")
    assert started.row("api")["blocked_by"] == [started.full("sync")]
    assert started.row("agent")["blocked_by"]
    assert started.ps().keys() == {"sync", "web"}
    started.write("db", {"sync": task("exit 0"), "api": service(start_order=1)}, step=3)
    started.proves()


def test_a_task_is_over_before_what_depends_on_it_begins(started):
    """A container with a higher start order is not even made before the task has succeeded (T-060)."""
    started.write("app", {"init": task("sleep 0.5"), "web": service(start_order=1)})
    started.proves()
    told = [(started.short(one.name), one.action) for one in started.story.told()]
    assert told.index(("init", "die")) < told.index(("web", "create"))


def test_an_exec_runs_once_in_its_target_with_its_environment(started):
    """It finds its target by the declared name, in another config too, and passes environment and user (T-050,
    T-058).
    """
    started.write("one", {"keystone": service()}, step=3)
    script = 'echo "$WHO $(id -u)" >> /tmp/seen'
    refresh = exec_in("keystone", "sh", "-c", script, environment={"WHO": "nova"}, user="0")
    started.write("two", {"refresh": refresh}, step=4)
    started.proves()
    started.passes()
    assert started.run_in("keystone", "cat", "/tmp/seen") == "nova 0\n"


def test_an_exec_runs_again_in_a_new_target(started):
    """Once means once for each pair of its own hash and its target's."""
    started.write("one", {"keystone": service()})
    started.write("two", {"refresh": exec_in("keystone", "sh", "-c", "echo ran >> /tmp/seen")})
    started.proves()
    started.write("one", {"keystone": service(environment={"V": "2"})})
    started.eventually(lambda: started.state("refresh") != "succeeded" or len(started.results("refresh")) == 2)
    started.proves()
    assert started.run_in("keystone", "cat", "/tmp/seen") == "ran\n"
    assert len(started.results("refresh")) == 2


def test_an_exec_without_its_target_fails_alone(started):
    """A target that no config declares is named, and everybody else goes on (T-057)."""
    started.write("app", {"refresh": exec_in("nobody", "true"), "web": service()})
    started.becomes("failed", "refresh")
    assert started.full("nobody") in started.row("refresh")["reason"]
    started.becomes("running", "web")


def test_an_exec_that_fails_says_so_and_loses_no_result_of_others(started):
    """Its exit code is kept, it is not run again by itself, and what succeeded beside it stays done (T-027, T-117)."""
    started.write(
        "app",
        {
            "web": service(),
            "bad": exec_in("web", "sh", "-c", "echo why; exit 9"),
            "good": exec_in("web", "true"),
        },
    )
    started.becomes("failed", "bad")
    started.becomes("succeeded", "good")
    assert "exit code 9" in started.row("bad")["reason"]
    assert "why" in started.kept_output("bad")
    started.passes()
    assert started.results("bad")[0]["attempts"] == 1
