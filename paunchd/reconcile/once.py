"""The outlook of what runs once: tasks (a container that ends) and execs (a command inside another's container).

Pure. Once means once a hash: a success stands until the hash changes. A failure is never counted as done (T-110).
"""

from dataclasses import replace

from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import (
    Container,
    ContainerState,
    Create,
    Facts,
    Health,
    Kill,
    Reason,
    RecordTask,
    Remove,
    Result,
    RunExec,
    Seen,
    Slot,
    Start,
    State,
    Status,
    Step,
    Unpause,
    bare,
    engine_name,
)
from paunchd.reconcile.outlook import NOTHING, Outlook, backing_off, obstacle, put_off
from paunchd.reconcile.preparation import preparation
from paunchd.reconcile.running import stop
from paunchd.spec import ContainerSpec

EXEC_AFTER_SECONDS = 30.0


def task(drift: Drift, now: float) -> Outlook:
    result = drift.past.results.get(drift.item.hash)
    steps = _task_steps(drift, result, now)
    stopped = obstacle(drift.name, drift.seen, drift.past, steps)
    starts = any(isinstance(step, (Create, Start)) for step in steps)
    attempt = backing_off(drift.past.attempt, drift.item.hash, steps, now)
    if stopped is None and starts and attempt:
        stopped = put_off(drift.name, attempt)
    done = result is not None and result.succeeded
    return Outlook(
        name=drift.name,
        status=stopped or _task_status(drift, result, steps, now),
        steps=() if stopped else steps,
        reason=_task_reason(drift, result, steps),
        revision=drift.item.hash,
        turn=starts,
        started=done,
        completed=done,
    )


def _exhausted(result: Result | None, spec: ContainerSpec) -> bool:
    return result is not None and not result.succeeded and result.attempts > spec.retries


def _task_steps(drift: Drift, result: Result | None, now: float) -> tuple[Step, ...]:
    spec, live, seen = drift.item.spec, drift.seen.live, drift.seen
    clear = tuple(step for c in (seen.next, seen.prev, *seen.strays) if c for step in away(c))
    over = result is not None and (result.succeeded or _exhausted(result, spec))
    if live is not None and live.hash == drift.item.hash:
        return clear + _at_hash(drift, live, result, now)
    if over:
        # What is desired again was done before; the run of another revision goes on no longer, its rest may be read.
        return clear + (away(live) if live is not None and live.running else ())
    gone = away(live) if live else ()
    return (*clear, *preparation(drift.name, spec), *gone, *_run(drift))


def _at_hash(drift: Drift, live: Container, result: Result | None, now: float) -> tuple[Step, ...]:
    spec = drift.item.spec
    if live.state is ContainerState.CREATED:
        return (Start(live.engine_name),)
    if live.state is ContainerState.PAUSED:
        return (Unpause(live.engine_name),)
    if live.running:
        return _overdue(drift, live, now)
    if result is None or result.container_id != live.id:
        return _recorded(drift, live, live.details.exit_code, "")
    if result.succeeded:
        return (Remove(live.engine_name),) if spec.remove else ()
    if _exhausted(result, spec):
        return ()
    return (*preparation(drift.name, spec), Remove(live.engine_name), *_run(drift))


def _run(drift: Drift) -> tuple[Step, ...]:
    live = engine_name(drift.name, Slot.LIVE)
    item = drift.item
    return (Create(live, item.name, item.config_id, item.hash, item.spec), Start(live))


def away(container: Container) -> tuple[Step, ...]:
    """Stop (where it runs) and remove *container*."""
    return (*stop(container), Remove(container.engine_name))


def _overdue(drift: Drift, live: Container, now: float) -> tuple[Step, ...]:
    until = _deadline(drift)
    if until is None or now < until:
        return ()
    cause = f"still running after {drift.item.spec.timeout_seconds:g} s"
    return (Kill(live.engine_name, cause), *_recorded(drift, live, 137, cause))


def _deadline(drift: Drift) -> float | None:
    timeout, trial = drift.item.spec.timeout_seconds, drift.past.trial
    return trial.since + timeout if trial is not None and timeout is not None else None


def _recorded(drift: Drift, live: Container, code: int, cause: str) -> tuple[Step, ...]:
    succeeded = not cause and code in drift.item.spec.exit_codes and not live.details.oom_killed
    cause = cause or ("killed by the kernel: out of memory" if live.details.oom_killed else "")
    record = RecordTask(live.engine_name, drift.name, drift.item.hash, code, succeeded, cause)
    remove = succeeded and drift.item.spec.remove
    return (record, Remove(live.engine_name)) if remove else (record,)


def _task_status(drift: Drift, result: Result | None, steps: tuple[Step, ...], now: float) -> Status:
    live, name = drift.seen.live, drift.name
    if live is not None and live.hash == drift.item.hash and live.running:
        seconds = now - drift.past.trial.since if drift.past.trial else 0.0
        until = None if steps else _deadline(drift)
        return Status(name, State.STARTING, f"running for {seconds:.0f} s", until=until)
    if result is not None and result.succeeded:
        return Status(name, State.SUCCEEDED, settled=True)
    if steps:
        return Status(name, State.PREPARING, str(_task_reason(drift, result, steps)))
    return _failed(name, result)


def _failed(name: str, result: Result | None) -> Status:
    cause = (result.cause or f"exit code {result.exit_code}") if result else ""
    tries = f" ({result.attempts} attempts)" if result and result.attempts > 1 else ""
    return Status(name, State.FAILED, f"{cause}{tries}; runs again when changed, or by `paunchctl retry {name}`")


def _task_reason(drift: Drift, result: Result | None, steps: tuple[Step, ...]) -> Reason:
    if not steps:
        return NOTHING
    if any(isinstance(step, RecordTask) for step in steps):
        return Reason("ended")
    if isinstance(steps[-1], Unpause):
        return Reason("paused")
    if not any(isinstance(step, Create) for step in steps):
        return Reason("interrupted") if isinstance(steps[-1], Start) else Reason("left-over")
    if result is not None:
        return Reason("retry", f"attempt {result.attempts + 1}")
    return Reason("config-changed" if drift.seen.live else "new")


# --- execs --------------------------------------------------------------------------------------------------------


def exec_(drift: Drift, facts: Facts) -> Outlook:
    """The outlook of an exec: once for each pair of its own hash and its target's, whatever image that one has."""
    spec, name = drift.item.spec, drift.name
    target = spec.exec_target
    seen = facts.observed.of(target)
    clear = tuple(step for c in drift.seen.containers for step in away(c))
    live = seen.live
    key = f"{drift.item.hash}@{bare(live.hash)}" if live else drift.item.hash
    result = drift.past.results.get(key)
    if result is not None and (result.succeeded or _exhausted(result, spec)):
        done = result.succeeded
        status = Status(name, State.SUCCEEDED, settled=True) if done else _failed(name, result)
        return replace(_cleared(drift, status, clear), started=done, completed=done)
    absent = _absence(name, target, seen, facts)
    if absent or live is None:
        return _cleared(drift, absent or Status(name, State.FAILED), clear)
    steps: tuple[Step, ...] = (*clear, RunExec(name, target, live.id, key, spec))
    stopped = obstacle(name, drift.seen, drift.past, steps)
    attempt = backing_off(drift.past.attempt, key, steps, facts.now)
    if stopped is None and attempt:
        stopped = put_off(name, attempt)
    reason = Reason("retry", f"attempt {result.attempts + 1}") if result else Reason("new")
    status = stopped or Status(name, State.PREPARING, str(reason))
    return Outlook(name, status, () if stopped else steps, reason, revision=key, turn=True)


def _cleared(drift: Drift, status: Status, clear: tuple[Step, ...]) -> Outlook:
    """An exec has no container of its own: one of its name is left from when it was another kind."""
    held = obstacle(drift.name, drift.seen, drift.past, clear)
    return Outlook(drift.name, held or status, () if held else clear, Reason("left-over"))


def _absence(name: str, target: str, seen: Seen, facts: Facts) -> Status | None:
    """Why the target cannot take the exec yet, or ``None`` when it can."""
    live = seen.live
    if live is None and target not in facts.desired.items:
        return Status(name, State.FAILED, f"its target {target} is not there and no config declares it")
    if live is None or live.state is not ContainerState.RUNNING:
        return Status(name, State.BLOCKED, f"its target {target} is not running", blocked_by=(target,))
    if target in facts.in_flight:
        return Status(name, State.BLOCKED, f"its target {target} is being worked on", blocked_by=(target,))
    past = facts.history.of(target)
    proved = past.good is not None and past.good.hash == live.hash
    if proved or live.health is Health.HEALTHY or past.trial is None or past.trial.healthy_at is not None:
        return None
    until = past.trial.since + EXEC_AFTER_SECONDS
    if facts.now >= until:
        return None
    return Status(name, State.BLOCKED, f"its target {target} is not healthy yet", blocked_by=(target,), until=until)
