"""The table that starts, replaces, repairs and rolls back one container (behaviour, section 6).

Pure. ``following`` is the table: from what is seen alone, the next steps, or a rest. ``unfold`` follows it over the
effects its steps will have, up to the first thing only the engine or time can tell. Whatever is cut off in between,
the next look starts at the top of the same table; there is no other recovery. The tests exhaust the table's states on
this very code: change it only together with that check.
"""

from dataclasses import dataclass, replace
from typing import Literal

from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import (
    Accept,
    Container,
    ContainerState,
    Create,
    Health,
    RecordRead,
    Reject,
    Remove,
    Rename,
    Revision,
    Slot,
    Start,
    Step,
    Update,
    engine_name,
    files_of,
)
from paunchd.reconcile.preparation import preparation
from paunchd.reconcile.project import find, project
from paunchd.reconcile.reread import rereading
from paunchd.reconcile.running import declared_restart, put_to_rest, start, stop, unwanted
from paunchd.reconcile.verdict import Failed, Gate, Healthy, Proven, Verdict, judge


@dataclass(frozen=True, slots=True)
class Case:
    """One container's drift at one moment. *verdict*: of the one on trial, ``None`` where none has been started."""

    drift: Drift
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Course:
    """The *steps* to take now, in order; empty for a rest. *starts*: the container that the last of them starts."""

    steps: tuple[Step, ...]
    starts: Container | None = None


def case_of(drift: Drift, gate: Gate, now: float) -> Case:
    judged, trial = drift.on_trial, drift.past.trial
    if judged is None or trial is None or trial.container_id != judged.id:
        return Case(drift, None)
    return Case(drift, judge(trial, judged, gate, now, has_good=drift.good is not None))


def unfold(case: Case) -> Course:
    steps: list[Step] = []
    while True:
        group = following(case)
        if steps and group and _is_apart(group[-1]):
            return Course(tuple(steps))
        steps += group
        if not group or isinstance(group[-1], (Accept, Reject)):
            return Course(tuple(steps))
        seen = case.drift.seen
        for step in group:
            seen = project(seen, case.drift.name, step)
        if isinstance(group[-1], Start):
            return Course(tuple(steps), find(seen, group[-1].engine_name))
        case = replace(case, drift=replace(case.drift, seen=seen))  # whoever has been judged is so along the lane


def _is_apart(step: Step) -> bool:
    """In a lane of its own: a record may be one for a whole group, a limit or a reload may be refused."""
    return isinstance(step, (Accept, Reject, RecordRead)) or (isinstance(step, Update) and step.limits is not None)


def following(case: Case) -> tuple[Step, ...]:
    """The table: the next steps from here, one engine or store call each; empty for a rest."""
    drift = case.drift
    seen = drift.seen
    if seen.prev and drift.past.good is None and drift.good:
        return (_accept(drift.name, drift.good),)
    if seen.strays:
        return _straighten(drift, seen.strays[0])
    if seen.live:
        resting = put_to_rest(seen.prev) if seen.prev and not _comes_back(drift, seen.live, seen.prev) else ()
        resting += () if drift.on_trial is seen.next else stop(seen.next)
        if resting:
            return resting
    if seen.live is None:
        return _without_live(drift)
    if seen.live.state in (ContainerState.DEAD, ContainerState.REMOVING):
        return (Remove(seen.live.engine_name),)
    if drift.at_effective(seen.live):
        return _at_effective(case, seen.live)
    return _not_at_effective(case, seen.live)


def _comes_back(drift: Drift, live: Container, prev: Container) -> bool:
    """A switch that was cut off and is not to be finished: the old one gets its name back, running where it still does.

    Also where something else again is wanted now: to prepare that may take long.
    """
    serves = drift.at_good(prev) and not drift.at_good(live) and not drift.at_effective(drift.seen.next)
    return (drift.at_effective(prev) or serves) and not drift.at_effective(live) and not live.running


def _straighten(drift: Drift, stray: Container) -> tuple[Step, ...]:
    """Somebody renamed a container of ours: give it its name back, keep it, or remove the second copy."""
    seen = drift.seen
    wanted = drift.at_effective(stray) or drift.at_good(stray)
    if wanted and seen.live is None:
        return (Rename(stray.engine_name, engine_name(drift.name, Slot.LIVE), "restore"),)
    return _drop(drift, stray)


def sole_good(drift: Drift, container: Container) -> bool:
    """*container* is the only one at the good revision: whatever else it is, it is not thrown away."""
    others = [c for c in drift.seen.containers if drift.at_good(c) and c.engine_name != container.engine_name]
    return drift.at_good(container) and not others


def _drop(drift: Drift, container: Container) -> tuple[Step, ...]:
    if sole_good(drift, container) and drift.seen.prev is None:
        return (*put_to_rest(container), Rename(container.engine_name, engine_name(drift.name, Slot.PREV), "retire"))
    return (*stop(container), Remove(container.engine_name))


def _without_live(drift: Drift) -> tuple[Step, ...]:
    seen = drift.seen
    live = engine_name(drift.name, Slot.LIVE)
    if seen.next and drift.at_effective(seen.next):
        return (Rename(seen.next.engine_name, live, "promote"),)
    if seen.next and sole_good(drift, seen.next):
        return (Rename(seen.next.engine_name, live, "restore"),)
    if seen.next:
        return _drop(drift, seen.next)
    if seen.prev:
        return _bring_back(drift, seen.prev)
    return _prepare(drift, Slot.LIVE)


def _bring_back(drift: Drift, prev: Container) -> tuple[Step, ...]:
    """Up again in the same breath: it was us who stopped it, so later neither its policy nor its exit code tells that
    it is wanted. One that had ended by itself runs once more.
    """
    live = engine_name(drift.name, Slot.LIVE)
    back = Rename(prev.engine_name, live, "restore")
    wanted = drift.at_effective(prev) or drift.at_good(prev)
    if not wanted or prev.state is not ContainerState.EXITED:
        return (back,)
    declared = declared_restart(drift, prev)
    policy = () if prev.details.restart == declared else (Update(live, restart=declared),)
    return (back, *policy, Start(live))


def _at_effective(case: Case, live: Container) -> tuple[Step, ...]:
    drift = case.drift
    seen = drift.seen
    if seen.next:
        return _drop(drift, seen.next)
    declared = declared_restart(drift, live)
    if live.details.restart != declared:
        return (Update(live.engine_name, restart=declared),)
    if drift.restart_asked:  # before it is judged: it may be down because we have just stopped it
        return (*stop(live), Start(live.engine_name))
    if isinstance(case.verdict, Failed) and drift.good:
        return (_reject(drift, case.verdict, live),)
    up = start(drift, live)
    if up:
        return up
    if drift.is_good:
        return _upkeep(drift, live)
    match case.verdict:
        case Proven():
            return (_accept(drift.name, drift.effective),)
        case Healthy() if drift.good is None:
            return (_accept(drift.name, drift.effective),)
        case _:
            return _in_place(drift, live)


def _upkeep(drift: Drift, live: Container) -> tuple[Step, ...]:
    if drift.seen.prev:
        return (Remove(drift.seen.prev.engine_name),)
    spec = drift.effective.spec
    if live.health is Health.UNHEALTHY and spec and spec.on_unhealthy == "restart":
        return (*stop(live), Start(live.engine_name))
    return _in_place(drift, live)


def _not_at_effective(case: Case, live: Container) -> tuple[Step, ...]:
    drift = case.drift
    seen = drift.seen
    if drift.unknown and not isinstance(case.verdict, Failed):
        proved = isinstance(case.verdict, (Healthy, Proven))
        return (_accept(drift.name, Revision(live.hash)),) if proved else ()
    back = seen.prev and (drift.at_effective(seen.prev) or _comes_back(drift, live, seen.prev))
    if back and not drift.at_good(live):
        clear = _drop(drift, seen.next) if seen.next else ()
        return (*clear, *stop(live), Remove(live.engine_name))
    if seen.next and not drift.at_effective(seen.next):
        return _drop(drift, seen.next)
    if seen.next is None:
        return _revive(drift, live) or _prepare(drift, Slot.NEXT)
    if not drift.at_good(live):
        return (*stop(live), Remove(live.engine_name))
    if drift.start_first and live.running:
        first = _beside(case, seen.next)
        if first or not isinstance(case.verdict, (Healthy, Proven)):
            return first
    if seen.prev:
        return (Remove(seen.prev.engine_name),)
    return (*unwanted(live), Rename(live.engine_name, engine_name(drift.name, Slot.PREV), "retire"))


def _beside(case: Case, prepared: Container) -> tuple[Step, ...]:
    """Start-first: the new container runs beside the good one until it is healthy; if it fails, nothing was touched."""
    if isinstance(case.verdict, Failed):
        return (_reject(case.drift, case.verdict, prepared),)
    return start(case.drift, prepared)


def _revive(drift: Drift, live: Container) -> tuple[Step, ...]:
    """The good container is down while its successor is still to be prepared, which may take long: up with it first.

    Tried once: what does not come up must not keep its successor away.
    """
    attempt = drift.past.attempt
    tried = attempt is not None and attempt.hash == live.hash
    declared = declared_restart(drift, live)
    down = live.state is ContainerState.EXITED and declared.wants_up(live.details.exit_code)
    if tried or not down or not drift.at_good(live):
        return ()
    policy = () if live.details.restart == declared else (Update(live.engine_name, restart=declared),)
    return (*policy, Start(live.engine_name))


def _prepare(drift: Drift, slot: Literal[Slot.LIVE, Slot.NEXT]) -> tuple[Step, ...]:
    recipe = drift.effective.recipe
    if recipe is None:
        return ()  # only its hash is known and no container of it is left: nothing can be made from that
    made = engine_name(drift.name, slot)
    files = files_of(drift.effective.hash) or (drift.content.digest if drift.content else "")
    return (
        *preparation(drift.name, recipe, known=drift.is_good),
        Create(made, drift.name, drift.item.config_id, drift.effective.hash, recipe, files),
    )


def _in_place(drift: Drift, live: Container) -> tuple[Step, ...]:
    """What differs and needs no new container; last, so that a value the engine refuses costs no start, no verdict."""
    again = rereading(drift, live)
    if again:
        return again
    settable = drift.limits_of(live).settable
    return (Update(live.engine_name, limits=settable),) if settable else ()


def _accept(name: str, revision: Revision) -> Accept:
    return Accept(name, revision.hash, revision.spec)


def _reject(drift: Drift, failed: Failed, evidence: Container) -> Reject:
    return Reject(drift.name, drift.effective.hash, failed.code, failed.cause, evidence.engine_name)
