import json
from dataclasses import replace

import pytest

from paunchd.api import views, views_node
from paunchd.reconcile.model import Config, ContainerState, Content, Seen, State, Status
from paunchd.troubles import summary
from tests import snapshots
from tests.snapshots import DIGEST, SECRET


def shown(view):
    return json.loads(view.model_dump_json())


def listed(snapshot, name):
    return next(c for c in shown(views.containers_view(snapshot))["containers"] if c["name"] == name)


def test_containers_as_pinned():
    """The list of containers has exactly the fields other programs rely on."""
    assert shown(views.containers_view(snapshots.settled())) == {
        "generation": 7,
        "observed_generation": 7,
        "source": "ok",
        "engine": "ok",
        "settled": True,
        "containers": [
            {
                "name": "web",
                "kind": "container",
                "config_id": "web",
                "step": 2,
                "state": "running",
                "reason": "",
                "since": "2026-11-22T12:00:00Z",
                "settled": True,
                "desired_hash": "v1:new",
                "running_hash": "v1:new",
                "image": "registry/app:1",
                "engine_name": "web",
                "health": "healthy",
                "blocked_by": [],
                "next_attempt": None,
                "last_error": None,
                "doing": None,
                "advice": None,
                "bad": False,
            }
        ],
    }


def test_which_config_files_count_is_told_and_nothing_of_their_content():
    """Their names, how many, what a change does without its command, and why they cannot be told."""
    one = snapshots.item("web", config_files={"on_change": {"exec": ["reload", SECRET]}})
    files = {f"nova/{number:03d}.conf": f"644:{SECRET}" for number in range(300)}
    content = Content("s1", f"s1.{SECRET}", files, trouble="cannot read nova/1.conf: Permission denied")
    settled = snapshots.settled()
    desired = replace(settled.desired, items={"web": one})
    view = views.container_detail_view(replace(settled, desired=desired, contents={"web": content}), "web")
    told = shown(view)["config_files"]
    assert told["files"] == sorted(files)[:200]
    assert {key: told[key] for key in ("count", "on_change", "trouble")} == {
        "count": 300,
        "on_change": "exec",
        "trouble": "cannot read nova/1.conf: Permission denied",
    }
    assert SECRET not in view.model_dump_json()


def test_every_name_is_listed():
    """Execs, tasks and orphans stand in the list beside containers, by name."""
    kinds = {c.name: c.kind.value for c in views.containers_view(snapshots.troubled()).containers}
    assert kinds["once"] == "task"
    assert kinds["inside"] == "exec"
    assert kinds["leftover"] == "container"
    assert list(kinds) == sorted(kinds)


def test_rolled_back():
    """A container that was rolled back shows what was wanted, what runs instead, and why."""
    back = listed(snapshots.troubled(), "back")
    assert (back["state"], back["reason"], back["settled"]) == ("rolled-back", "unhealthy", False)
    assert (back["desired_hash"], back["running_hash"]) == ("v1:new", "v1:old")
    assert back["image"] == "registry/app:0"
    assert back["last_error"] == "unhealthy for 300 s"


def test_in_flight():
    """While a lane is in flight, the name says which step is being done, and is not settled."""
    moving = listed(snapshots.troubled(), "moving")
    assert (moving["state"], moving["doing"]) == ("preparing", "pull registry/app:2 unless present")
    assert moving["settled"] is False


def test_next_attempt():
    """A name that waits says when it is tried again, in wall-clock time."""
    assert listed(snapshots.troubled(), "again")["next_attempt"] == "2026-11-22T12:00:05Z"


def test_orphan():
    """What no config declares any more is shown with the config it came from."""
    leftover = listed(snapshots.troubled(), "leftover")
    assert (leftover["config_id"], leftover["desired_hash"], leftover["state"]) == ("gone", None, "held")


def test_moved_tag():
    """An image whose tag has moved is shown as declared, not by its id."""
    live = snapshots.container("web", image="sha256:0123")
    moved = replace(snapshots.settled(), observed=replace(snapshots.settled().observed, names={"web": Seen(live)}))
    assert listed(moved, "web")["image"] == "registry/app:1"


def test_engine_away():
    """While the engine is away every state is unknown, and nothing is settled or failed."""
    away = replace(snapshots.troubled(), engine="connection refused")
    view = shown(views.containers_view(away))
    assert view["engine"] == "away"
    assert {c["state"] for c in view["containers"]} == {"unknown"}
    assert not any(c["settled"] for c in view["containers"])
    config = views_node.config_view(away, "web")
    assert (config.settled, config.failed) == (False, False)
    assert views_node.status_view(away).summary == "engine away: connection refused"


def test_detail():
    """The detail of a name has its good and rejected revisions, its results and its lane."""
    back = shown(views.container_detail_view(snapshots.troubled(), "back"))
    assert back["good_hash"] == "v1:old"
    assert [(one["revision"], one["cause"]) for one in back["rejected"]] == [("v1:new", "unhealthy")]
    moving = shown(views.container_detail_view(snapshots.troubled(), "moving"))
    assert moving["lane"]["steps"] == [
        "pull registry/app:2 unless present",
        "create moving.next from registry/app:2",
        "promote moving.next to moving",
    ]
    assert [c["engine_name"] for c in moving["engine_containers"]] == ["moving", "moving.next"]
    once = shown(views.container_detail_view(snapshots.troubled(), "once"))
    assert once["results"] == [
        {"revision": "v1:new", "succeeded": False, "exit_code": 3, "cause": "exit code 3", "attempts": 2}
    ]
    trial = shown(views.container_detail_view(snapshots.troubled(), "trying"))["trial"]
    assert trial["healthy_at"] == "2026-11-22T12:00:02Z"
    assert views.container_detail_view(snapshots.troubled(), "nobody") is None


@pytest.mark.parametrize(
    ("state", "exit_code"), [("running", None), ("created", None), ("exited", 3), ("restarting", 3), ("dead", 3)]
)
def test_exit_code(state, exit_code):
    """A container that has ended is shown with its exit code; what runs, or never has, is without one."""
    live = snapshots.container("web")
    live = replace(live, state=ContainerState(state), details=replace(live.details, exit_code=3))
    seen = replace(snapshots.settled(), observed=replace(snapshots.settled().observed, names={"web": Seen(live)}))
    (shown_one,) = shown(views.container_detail_view(seen, "web"))["engine_containers"]
    assert shown_one["exit_code"] == exit_code


def test_plan():
    """The plan is shown as its canonical text and as lanes, with who is blocked by whom and what is held."""
    view = shown(views_node.plan_view(snapshots.planned()))
    assert view["text"].splitlines()[0] == "moving: config-changed (image, environment)"
    assert view["lanes"][0]["name"] == "moving"
    assert view["lanes"][0]["reason"] == "config-changed (image, environment)"
    assert len(view["lanes"][0]["steps"]) == 3
    assert view["blocked"] == [{"name": "later", "by": ["again"]}]
    assert [held["name"] for held in view["held"]] == ["again", "back", "leftover"]
    assert views_node.plan_view(snapshots.settled()).lanes == []


def test_config():
    """A config is settled when all its names are, and says the digest of what was read."""
    view = views_node.config_view(snapshots.settled(), "web")
    assert (view.digest, view.broken, view.settled, view.failed, view.names) == (
        DIGEST,
        None,
        True,
        False,
        ["web"],
    )


def test_failed_config():
    """A config has failed when one of its names has, and says which."""
    view = views_node.config_view(snapshots.troubled(), "web")
    assert (view.settled, view.failed, view.failed_names) == (False, True, ["back", "once"])


def test_broken_config():
    """A broken config says file, line, column, key and reason, and has failed."""
    view = views_node.config_view(snapshots.troubled(), "bad")
    assert view.broken == "bad.yaml:3:1 at image: a tab where spaces belong"
    assert (view.settled, view.failed) == (False, True)
    assert shown(view)["faults"][0]["line"] == 3


def test_warned_config():
    """A warning fails nothing."""
    view = views_node.config_view(snapshots.troubled(), "odd")
    assert (view.settled, view.failed) == (True, False)
    assert view.warnings == ["odd.json: unknown key `config_volume`"]


def test_undeclared_config():
    """A config whose file is gone is known until nothing of it is left."""
    assert views_node.config_view(snapshots.troubled(), "gone").names == ["leftover"]
    assert views_node.config_view(snapshots.troubled(), "never") is None
    ids = [config.config_id for config in views_node.configs_view(snapshots.troubled()).configs]
    assert ids == ["bad", "gone", "odd", "web"]


def test_config_not_planned_yet():
    """New content is not settled before it has been planned with."""
    read = replace(snapshots.settled(), observed_generation=6)
    assert views_node.config_view(read, "web").settled is False


@pytest.mark.parametrize("state", [State.PROVING, State.SUCCEEDED, State.HELD])
def test_config_takes_the_plans_word(state):
    """Whether a name is settled is the plan's word, whatever the state is called."""
    snapshot = snapshots.snapshot(
        Status("web", state, settled=True),
        items=[snapshots.item("web")],
        configs=[Config("web", DIGEST, names=frozenset({"web"}))],
    )
    assert views_node.config_view(snapshot, "web").settled is True


def test_status():
    """The status begins with what is wrong, worst first."""
    view = views_node.status_view(snapshots.troubled())
    assert [(wrong.what, wrong.name) for wrong in view.wrong] == [
        ("broken file", None),
        ("failed", "once"),
        ("rolled-back", "back"),
        ("waiting", "again"),
        ("removals held", None),
    ]
    assert view.summary.startswith("1 failed, 1 rolled-back, 1 waiting, 1 broken file, 1 held removal")
    assert view.states["running"] == 1
    assert view.held_removals == ["leftover"]
    assert view.broken_files == ["bad.yaml:3:1 at image: a tab where spaces belong"]


def test_status_of_a_healthy_node():
    """A node without trouble says so in a line."""
    assert views_node.status_view(snapshots.settled()).summary == "1 name, settled"


def test_degraded():
    """A directory that cannot be read is told before anything else."""
    degraded = snapshots.snapshot(degraded="cannot read /d: not mounted")
    assert views.containers_view(degraded).source == "degraded"
    assert summary(degraded) == "source degraded: cannot read /d: not mounted"


def test_planted_secrets_stay_inside():
    """No view of any name, config, plan or status shows an environment value or a command."""
    for snapshot in (snapshots.settled(), snapshots.troubled(), snapshots.planned()):
        texts = [
            views.containers_view(snapshot).model_dump_json(),
            views_node.plan_view(snapshot).model_dump_json(),
            views_node.configs_view(snapshot).model_dump_json(),
            views_node.status_view(snapshot).model_dump_json(),
            *(views.container_detail_view(snapshot, n).model_dump_json() for n in snapshot.plan.statuses),
        ]
        assert SECRET in repr(snapshot)
        assert SECRET not in "".join(texts)
