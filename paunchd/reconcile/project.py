"""What a step will have changed once it has worked, so that a whole lane can be planned from one look.

Pure. Steps that change nothing the engine lists (a pull, a check, a record) leave the look as it is.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import assert_never

from paunchd.reconcile.model import (
    DEFAULT_GRACE_SECONDS,
    Accept,
    CheckSources,
    Container,
    ContainerState,
    Create,
    Details,
    Health,
    Kill,
    Pull,
    RecordRead,
    RecordTask,
    Reject,
    Reload,
    Remove,
    Rename,
    RunExec,
    Seen,
    Slot,
    Start,
    Step,
    Stop,
    Tell,
    Unpause,
    Update,
)
from paunchd.spec import Limits

KILLED = 137
STOPPED = 143


def project(seen: Seen, name: str, step: Step) -> Seen:
    """Return *seen* of *name* as it will be after *step*."""
    match step:
        case Create():
            return place(seen, _created(step))
        case Start(engine) | Unpause(engine):
            return _change(seen, engine, state=ContainerState.RUNNING)
        case Stop(engine, _):
            return _end(seen, engine, STOPPED)
        case Kill(engine):
            return _end(seen, engine, KILLED)
        case Remove(engine):
            return _without(seen, engine)
        case Rename(engine, to):
            return _renamed(seen, name, engine, to)
        case Update():
            return _updated(seen, step)
        case Tell() | Reload() | RecordRead() | RunExec() | RecordTask():
            return seen
        case Pull() | CheckSources() | Accept() | Reject():
            return seen
        case _:
            assert_never(step)


def slot_of(name: str, engine_name: str) -> Slot:
    """Which of *name*'s places *engine_name* is."""
    for slot in (Slot.LIVE, Slot.NEXT, Slot.PREV):
        if engine_name == name + slot.value:
            return slot
    return Slot.STRAY


def seen_of(containers: Sequence[Container]) -> Seen:
    """Everything that there is of one name, each container in its place."""
    placed = {container.slot: container for container in containers}
    strays = tuple(container for container in containers if container.slot is Slot.STRAY)
    return Seen(placed.get(Slot.LIVE), placed.get(Slot.NEXT), placed.get(Slot.PREV), strays)


def place(seen: Seen, container: Container) -> Seen:
    """Return *seen* with *container* in the place its slot names, over what is there; a stray, over its namesake."""
    match container.slot:
        case Slot.LIVE:
            return replace(seen, live=container)
        case Slot.NEXT:
            return replace(seen, next=container)
        case Slot.PREV:
            return replace(seen, prev=container)
        case Slot.STRAY:
            others = [stray for stray in seen.strays if stray.engine_name != container.engine_name]
            return replace(seen, strays=(*others, container))


def find(seen: Seen, engine_name: str) -> Container | None:
    return next((c for c in seen.containers if c.engine_name == engine_name), None)


def _without(seen: Seen, engine_name: str) -> Seen:
    def keep(container: Container | None) -> Container | None:
        return container if container and container.engine_name != engine_name else None

    strays = tuple(c for c in seen.strays if c.engine_name != engine_name)
    return replace(seen, live=keep(seen.live), next=keep(seen.next), prev=keep(seen.prev), strays=strays)


def _change(seen: Seen, engine_name: str, **changes: object) -> Seen:
    found = find(seen, engine_name)
    return place(seen, replace(found, **changes)) if found else seen  # type: ignore[arg-type]


def _end(seen: Seen, engine_name: str, exit_code: int) -> Seen:
    found = find(seen, engine_name)
    if not found:
        return seen
    details = replace(found.details, exit_code=exit_code)
    return _change(seen, engine_name, state=ContainerState.EXITED, details=details)


def _renamed(seen: Seen, name: str, engine_name: str, to: str) -> Seen:
    found = find(seen, engine_name)
    if not found:
        return seen
    return place(_without(seen, engine_name), replace(found, engine_name=to, slot=slot_of(name, to)))


def _updated(seen: Seen, step: Update) -> Seen:
    found = find(seen, step.engine_name)
    if not found:
        return seen
    details = replace(
        found.details,
        restart=step.restart or found.details.restart,
        limits=_over(step.limits, found.details.limits) if step.limits else found.details.limits,
    )
    return _change(seen, step.engine_name, details=details)


def _over(declared: Limits, actual: Limits) -> Limits:
    return replace(actual, **{key: value for key, value in asdict(declared).items() if value is not None})


def _created(step: Create) -> Container:
    spec = step.spec
    return Container(
        id="",
        engine_name=step.engine_name,
        name=step.name,
        slot=slot_of(step.name, step.engine_name),
        config_id=step.config_id,
        hash=step.revision,
        kind=spec.kind.value,
        restart=str(spec.restart_policy),
        image=spec.image or "",
        image_id="",
        state=ContainerState.CREATED,
        health=Health.NONE,
        details=Details(
            state=ContainerState.CREATED,
            restart=spec.restart_policy,
            limits=spec.limits,
            restart_count=0,
            exit_code=0,
            oom_killed=False,
            error="",
            started_at="",
            finished_at="",
            grace_seconds=DEFAULT_GRACE_SECONDS if spec.stop_grace_period is None else spec.stop_grace_period,
        ),
        files=step.files,
    )
