"""Builders for the nouns of a pass: what a test does not name gets the most ordinary value."""

from paunchd.reconcile.model import (
    Container,
    ContainerState,
    Desired,
    Details,
    Facts,
    Health,
    History,
    Item,
    Observed,
    Past,
    Revision,
    Rules,
    Seen,
)
from paunchd.reconcile.project import place, slot_of
from paunchd.spec import ContainerSpec, Limits, RestartPolicy, config_hash

NOW = 1000.0

RULES = Rules(
    min_healthy_seconds=2.0,
    healthy_deadline_seconds=300.0,
    probation_seconds=300.0,
    max_restarts=5,
    moved_image="report",
    between_steps="auto",
    removal_count=5,
    removal_fraction=0.5,
)


def spec(**keys) -> ContainerSpec:
    return ContainerSpec.model_validate({"image": "stub:1", "restart": "always", **keys})


def item(name="web", config_id="node", step=None, kept_because="", hash_=None, **keys) -> Item:
    made = spec(**keys)
    return Item(name, config_id, step, made, hash_ or config_hash(made), kept_because=kept_because)


def container(engine_name="web", hash_="", state="running", name=None, **fields) -> Container:
    name = name or engine_name.removesuffix(".next").removesuffix(".prev")
    restart = fields.pop("restart", "always")
    details = Details(
        state=ContainerState(state),
        restart=RestartPolicy.parse(fields.pop("actual_restart", restart)),
        limits=fields.pop("limits", Limits()),
        restart_count=fields.pop("restart_count", 0),
        exit_code=fields.pop("exit_code", 0),
        oom_killed=fields.pop("oom_killed", False),
        error="",
        started_at=fields.pop("started_at", "t0"),
        finished_at="",
        grace_seconds=fields.pop("grace_seconds", 10.0),
    )
    return Container(
        id=fields.pop("id", f"id-{engine_name}"),
        engine_name=engine_name,
        name=name,
        slot=slot_of(name, engine_name),
        config_id=fields.pop("config_id", "node"),
        hash=hash_,
        kind=fields.pop("kind", "container"),
        restart=restart,
        image="stub:1",
        image_id="sha256:1",
        state=ContainerState(state),
        health=fields.pop("health", Health.NONE),
        details=details,
        **fields,
    )


def of(one: Item, **fields) -> Container:
    """A container made from *one*, running in its live place unless said otherwise."""
    fields.setdefault("engine_name", one.name)
    restart = str(one.spec.restart_policy)
    return container(hash_=one.hash, restart=restart, name=one.name, config_id=one.config_id, **fields)


def seen(*containers, foreign=()) -> Seen:
    look = Seen(foreign=tuple(foreign))
    for one in containers:
        look = place(look, one)
    return look


def good(one: Item, **fields) -> Past:
    """The past of a name whose good revision is *one*."""
    return Past(known=True, good=Revision(one.hash, one.spec), **fields)


def facts(items=(), containers=(), past=None, *, now=NOW, in_flight=(), foreign=(), **more) -> Facts:
    """Put a pass's facts together from flat lists; *past* maps names."""
    names: dict[str, list[Container]] = {}
    for one in containers:
        names.setdefault(one.name, []).append(one)
    looks = {name: seen(*those) for name, those in names.items()}
    for engine_name in foreign:
        base = engine_name.removesuffix(".next").removesuffix(".prev")
        looks[base] = seen(*names.get(base, ()), foreign=(engine_name,))
    return Facts(
        desired=Desired(generation=1, items={one.name: one for one in items}, **more.pop("desired", {})),
        observed=Observed(looks, more.pop("probes", {})),
        history=History(past or {}, **more.pop("history", {})),
        in_flight=frozenset(in_flight),
        now=now,
    )
