"""The outlook of a container: the table's steps, why they are wanted, and where the container stands meanwhile.

Pure.
"""

from dataclasses import replace

from paunchd.reconcile.diff import Drift, changes
from paunchd.reconcile.model import (
    RESET_AFTER_SECONDS,
    Accept,
    Attempt,
    ContainerState,
    Create,
    Reason,
    RecordRead,
    Reject,
    Reload,
    Rename,
    Slot,
    Start,
    State,
    Status,
    Step,
    Tell,
    Unpause,
    Update,
    engine_name,
    in_place,
)
from paunchd.reconcile.outlook import Outlook, backing_off, obstacle, put_off
from paunchd.reconcile.remarks import not_as_declared, unread_files
from paunchd.reconcile.reread import recorded, rereading
from paunchd.reconcile.running import declared_restart
from paunchd.reconcile.switch import Case, Course, unfold
from paunchd.reconcile.verdict import Failed, Healthy, Proven, Undecided

IN_PASSING = (Accept, Reject, Update, Tell, Reload, RecordRead)


def outlook(case: Case, now: float) -> Outlook:
    drift = case.drift
    course = _course(case)
    steps = course.steps
    wanted = _wanted(case, course)
    stopped = obstacle(drift.name, drift.seen, drift.past, steps)
    if stopped:
        return replace(wanted, status=stopped, steps=())
    values = in_place(steps)
    if values:
        return _setting(wanted, drift, values, now)
    attempt = backing_off(drift.past.attempt, wanted.revision, steps, now)
    if attempt:
        status = _parked(drift, attempt) if drift.rolled_back else put_off(drift.name, attempt)
        return meanwhile(wanted, status, drift, now)
    record = recorded(drift, course.starts)
    return replace(wanted, steps=(*steps, *record)) if record else wanted


def _wanted(case: Case, course: Course) -> Outlook:
    drift, steps = case.drift, course.steps
    leads_to = course.starts.hash if course.starts else drift.effective.hash
    reason = _reason(drift, steps, leads_to)
    ended = _ended_well(drift)
    up = _live_at_desired(drift) and (ended or _running(drift))
    return Outlook(
        name=drift.name,
        status=_status(case, steps, reason),
        steps=steps,
        reason=reason,
        revision=leads_to,
        turn=_needs_turn(drift, steps),
        repair=_is_repair(drift, steps),
        started=up,
        healthy=up and (drift.is_good or isinstance(case.verdict, (Healthy, Proven))),
        completed=_live_at_desired(drift) and ended,
        replaces=drift.good is not None and not drift.is_good,
        verdict=case.verdict,
    )


def _setting(wanted: Outlook, drift: Drift, values: str, now: float) -> Outlook:
    """*values* are to be set on the living container. One that the engine refuses is a failure to tell, not to act on:
    what runs is as well as before.
    """
    tried = drift.past.update
    if tried is None or tried.hash != values or now - tried.at >= RESET_AFTER_SECONDS:
        return wanted
    status = replace(wanted.status, settled=False, until=tried.next_at if now < tried.next_at else None)
    if not drift.rolled_back:
        state = State.FAILED if tried.refused else status.state
        status = replace(status, state=state, reason=f"{values}: {tried.error}; it runs on as it is")
    return replace(wanted, status=status, steps=() if now < tried.next_at else wanted.steps)


def meanwhile(wanted: Outlook, status: Status, drift: Drift, now: float) -> Outlook:
    """*wanted* must not begin yet, as *status* says.

    Where it was to replace a good revision that is down, or that is to be restarted, that one comes up meanwhile:
    repair waits for nobody (behaviour, section 5). It is the same table with another effective revision.
    """
    idle = replace(wanted, status=status, steps=())
    live = drift.seen.live
    well = live is not None and live.running and not drift.restart_asked
    if not wanted.turn or drift.good is None or drift.is_good or well:
        return idle
    repair = outlook(Case(replace(drift, effective=drift.good), None), now)
    return replace(idle, steps=repair.steps, reason=repair.reason, revision=repair.revision, repair=True)


def _course(case: Case) -> Course:
    drift = case.drift
    attempt = drift.past.attempt
    refused = attempt is not None and attempt.refused and attempt.hash == drift.effective.hash
    if refused and attempt and drift.good and not drift.is_good:
        evidence = drift.on_trial.engine_name if drift.on_trial else ""
        return Course((Reject(drift.name, drift.effective.hash, "refused", attempt.error, evidence),))
    return unfold(case)


def _live_at_desired(drift: Drift) -> bool:
    return not drift.rolled_back and drift.at_effective(drift.seen.live)


def _running(drift: Drift) -> bool:
    live = drift.seen.live
    return live is not None and live.state in (ContainerState.RUNNING, ContainerState.RESTARTING)


def _ended_well(drift: Drift) -> bool:
    """It ran to its end with exit code 0 and its policy does not want it up: TripleO's detached one-shots."""
    live = drift.seen.live
    if live is None or live.state is not ContainerState.EXITED:
        return False
    code = live.details.exit_code
    return code == 0 and not declared_restart(drift, live).wants_up(code)


def _needs_turn(drift: Drift, steps: tuple[Step, ...]) -> bool:
    """A change waits for its turn, but only before it has begun: a half-made switch is always finished."""
    if drift.is_good or not steps or isinstance(steps[0], (Accept, Reject)):
        return False
    seen = drift.seen
    if seen.next and seen.next.running and drift.at_effective(seen.next):
        return False
    if seen.live is None:
        return seen.prev is None and not drift.at_effective(seen.next)
    beside = Start(engine_name(drift.name, Slot.NEXT))
    begins = any(isinstance(step, (Create, Rename)) or step == beside for step in steps)
    return begins and not drift.at_effective(seen.live)


def _is_repair(drift: Drift, steps: tuple[Step, ...]) -> bool:
    live = drift.seen.live
    if drift.restart_asked or (live and steps == rereading(drift, live)):
        return False  # it was well: what an operator asks for is no failure, and puts off nothing
    restarted = live is not None and live.state in (ContainerState.EXITED, ContainerState.PAUSED)
    if any(isinstance(step, (Start, Unpause)) for step in steps):
        return drift.is_good or (restarted and (drift.at_effective(live) or drift.at_good(live)))
    return False


def _parked(drift: Drift, attempt: Attempt) -> Status:
    reason = (
        f"{drift.past.rejected[drift.item.hash]}; rolled back, but the good revision does not come up either: "
        f"{attempt.error}; mend the definition or what it needs on the host"
    )
    return Status(drift.name, State.PARKED, reason, until=attempt.next_at)


def _status(case: Case, steps: tuple[Step, ...], reason: Reason) -> Status:
    drift = case.drift
    if drift.restart_asked and drift.at_effective(drift.seen.live) and steps:
        return Status(drift.name, State.PREPARING, str(reason))
    if drift.rolled_back:
        return _rolled_back(drift, steps)
    in_passing = drift.seen.live is not None and all(isinstance(step, IN_PASSING) for step in steps)
    if steps and not in_passing:
        return Status(drift.name, State.PREPARING, str(reason))
    if drift.unknown:
        until = case.verdict.until if isinstance(case.verdict, Undecided) else None
        return Status(drift.name, State.STARTING, "finding out whether what runs is good", until=until)
    if drift.is_good:
        return _good(drift)
    return _on_trial(case)


def _rolled_back(drift: Drift, steps: tuple[Step, ...]) -> Status:
    cause = drift.past.rejected.get(drift.item.hash, "")
    if any(isinstance(step, Start) for step in steps):
        return Status(drift.name, State.PREPARING, f"rolling back: {cause}")
    return Status(drift.name, State.ROLLED_BACK, cause)


def _good(drift: Drift) -> Status:
    if _running(drift):
        return Status(drift.name, State.RUNNING, not_as_declared(drift), settled=True)
    if _ended_well(drift):
        return Status(drift.name, State.SUCCEEDED, settled=True)
    live = drift.seen.live
    if live is None:
        return Status(drift.name, State.FAILED, "gone, and nothing is known to make it again from")
    return Status(drift.name, State.FAILED, f"exited with code {live.details.exit_code}")


def _on_trial(case: Case) -> Status:
    name = case.drift.name
    if case.drift.seen.live is None:
        return Status(name, State.FAILED, "gone, and nothing is known to make it again from")
    match case.verdict:
        case Failed(_, cause):
            return Status(name, State.FAILED, cause)
        case Healthy(until):
            return Status(name, State.PROVING, "healthy, in probation", settled=True, until=until)
        case Proven():
            return Status(name, State.PROVING, "proven", settled=True)
        case Undecided(until):
            return Status(name, State.STARTING, f"not healthy yet{_restarts(case.drift)}", until=until)
        case None:
            return Status(name, State.STARTING, "just started")


def _restarts(drift: Drift) -> str:
    """What an operator asks first of something that does not come up."""
    trial, judged = drift.past.trial, drift.on_trial
    if trial is None or judged is None or not trial.restarts:
        return ""
    return f"; restarted {trial.restarts} times, last exit code {judged.details.exit_code}"


def _reason(drift: Drift, steps: tuple[Step, ...], leads_to: str) -> Reason:
    """*leads_to*: the revision that ends up started; that of a lane that starts nothing is the effective one."""
    if not steps:
        return Reason("none")
    if isinstance(steps[0], (Accept, Reject)):
        return Reason("verdict")
    if drift.restart_asked and drift.at_effective(drift.seen.live):
        return Reason("restart", "asked by an operator")
    if drift.rolled_back and any(isinstance(step, Start) for step in steps):
        return Reason("rollback", drift.past.rejected.get(drift.item.hash, ""))
    if drift.is_good or leads_to != drift.effective.hash or drift.at_effective(drift.seen.live):
        return _upkeep(drift, steps, leads_to)
    beside = drift.good and drift.seen.next and drift.on_trial is drift.seen.next
    if beside and not any(isinstance(step, Start) for step in steps):
        up = drift.seen.live and drift.seen.live.running
        return Reason("switch", "healthy beside the good one" if up else "the good one is down")
    if drift.good is None and not drift.seen.containers:
        return Reason("new")
    return Reason("config-changed", changes(drift))


def _upkeep(drift: Drift, steps: tuple[Step, ...], leads_to: str) -> Reason:
    live = drift.seen.live
    if live and drift.content and drift.at_effective(live) and steps == rereading(drift, live):
        return Reason("files-changed", unread_files(drift))
    if drift.seen.strays:
        return Reason("renamed", drift.seen.strays[0].engine_name)
    if live is None:
        return Reason("gone")
    if isinstance(steps[-1], Unpause):
        return Reason("paused")
    if isinstance(steps[-1], Start):
        if leads_to != live.hash:
            return Reason("config-changed", changes(drift))
        if live.running:
            return Reason("unhealthy")
        created = live.state is ContainerState.CREATED
        return Reason("interrupted") if created else Reason("exited", f"code {live.details.exit_code}")
    return Reason("updated" if in_place(steps) else "left-over")
