"""Hand-made snapshots: a node in every kind of trouble, with secrets planted where definitions hold them."""

from dataclasses import replace

from paunchd.reconcile.model import (
    Attempt,
    Config,
    Container,
    ContainerState,
    Create,
    Desired,
    Details,
    Fault,
    Health,
    History,
    Item,
    Lane,
    Observed,
    Past,
    Plan,
    Pull,
    Reason,
    Rename,
    Result,
    Revision,
    Seen,
    Slot,
    Snapshot,
    State,
    Status,
    Trial,
)
from paunchd.spec import NO_RESTART, ContainerSpec, Limits

SECRET = "hunter2-planted"
EPOCH = 1_795_348_800.0  # 2026-11-22T12:00:00Z
MONOTONIC = 1000.0
DIGEST = "d1" * 32


def spec(image="registry/app:1", **keys):
    return ContainerSpec.model_validate(
        {
            "image": image,
            "command": f"run --password={SECRET}",
            "environment": {"PASSWORD": SECRET},
            "env_file": f"/etc/{SECRET}.env",
            "healthcheck": {"test": f"check {SECRET}"},
            "labels": {"note": SECRET},
            **keys,
        }
    )


def item(name, config_id="web", step=None, revision="v1:new", **keys):
    return Item(name, config_id, step, spec(**keys), revision, path=f"{config_id}.yaml")


def container(name, revision="v1:new", slot=Slot.LIVE, **changes):
    made = Container(
        id=f"id-of-{name}{slot.value}",
        engine_name=name + slot.value,
        name=name,
        slot=slot,
        config_id="web",
        hash=revision,
        kind="container",
        restart="always",
        image="registry/app:1",
        image_id="sha256:1",
        state=ContainerState.RUNNING,
        health=Health.HEALTHY,
        details=Details(ContainerState.RUNNING, NO_RESTART, Limits(), 0, 0, False, "", "", "", 10.0),
    )
    return replace(made, **changes)


def snapshot(*statuses, items=(), seen=None, pasts=None, configs=(), lanes=(), **keys):
    desired = Desired(
        generation=keys.pop("generation", 7),
        items={one.name: one for one in items},
        configs={config.config_id: config for config in configs},
        degraded=keys.pop("degraded", ""),
    )
    return Snapshot(
        desired=desired,
        observed=Observed(seen or {}),
        history=History(pasts or {}),
        plan=Plan(tuple(lanes), {status.name: status for status in statuses}),
        observed_generation=keys.pop("observed_generation", 7),
        wall_offset=EPOCH - MONOTONIC,
        **keys,
    )


def settled():
    """One container, running and proven."""
    return snapshot(
        Status("web", State.RUNNING, settled=True),
        items=[item("web", step=2)],
        seen={"web": Seen(live=container("web"))},
        configs=[Config("web", DIGEST, names=frozenset({"web"}))],
        since={"web": EPOCH},
    )


def troubled():
    """Make a name for every kind of trouble, and a lane in flight."""
    going = Lane(
        "moving",
        Reason("config-changed", "image, environment"),
        (
            Pull("registry/app:2"),
            Create("moving.next", "moving", "web", "v1:new", spec(image="registry/app:2")),
            Rename("moving.next", "moving", "promote"),
        ),
        revision="v1:new",
    )
    return snapshot(
        Status("fine", State.RUNNING, settled=True),
        Status("back", State.ROLLED_BACK, "unhealthy"),
        Status("moving", State.PREPARING, "config-changed (image, environment)"),
        Status("again", State.WAITING, "cannot pull registry/app:3: timeout", until=1005.0),
        Status("later", State.BLOCKED, "waits for step 3", blocked_by=("again",)),
        Status("once", State.FAILED, "exit code 3"),
        Status("inside", State.SUCCEEDED, settled=True),
        Status("trying", State.PROVING, "healthy, in probation", settled=True, until=1300.0),
        Status("leftover", State.HELD, "7 of 8 containers would be removed; `paunchctl confirm-removals`"),
        items=[
            item("fine"),
            item("back", step=4),
            item("moving", image="registry/app:2"),
            item("again"),
            item("later", step=4),
            item("once", detach=False),
            item("inside", action="exec", command=["fine", SECRET]),
            item("trying"),
        ],
        seen={
            "fine": Seen(live=container("fine")),
            "back": Seen(live=container("back", "v1:old", image="registry/app:0")),
            "moving": Seen(live=container("moving", "v1:old"), next=container("moving", slot=Slot.NEXT)),
            "trying": Seen(live=container("trying")),
            "leftover": Seen(live=container("leftover", config_id="gone")),
        },
        pasts={
            "back": Past(
                known=True,
                good=Revision("v1:old", spec()),
                rejected={"v1:new": "unhealthy"},
                last_error="unhealthy for 300 s",
            ),
            "again": Past(attempt=Attempt("v1:new", 3, 1000.0, 1005.0, "timeout"), last_error="timeout"),
            "once": Past(results={"v1:new": Result(False, 3, "exit code 3", 2)}),
            "trying": Past(trial=Trial("id-of-trying", 1000.0, 1000.0, "", healthy_at=1002.0)),
        },
        configs=[
            Config(
                "web",
                DIGEST,
                names=frozenset({"fine", "back", "moving", "again", "later", "once", "inside", "trying"}),
            ),
            Config("bad", "e2" * 32, faults=(Fault("bad.yaml", "a tab where spaces belong", 3, 1, "image"),)),
            Config("odd", "f3" * 32, warnings=(Fault("odd.json", "unknown key `config_volume`"),)),
        ],
        lanes=(),
        in_flight={"moving": going},
        doing={"moving": "pull registry/app:2 unless present"},
        since={"fine": EPOCH, "back": EPOCH + 60},
        observed_generation=7,
    )


def planned():
    """Show the lane of ``troubled`` before it has begun."""
    before = troubled()
    lanes = tuple(before.in_flight.values())
    return replace(before, in_flight={}, doing={}, plan=replace(before.plan, lanes=lanes))
