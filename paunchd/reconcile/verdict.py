"""What a started container has proved by now.

Pure. ``advance`` carries the memory of a trial from look to look, ``judge`` reads it. All times are monotonic seconds
and start when this daemon first sees the container started: a restart of the daemon restarts the gate, and costs the
container nothing.
"""

from dataclasses import dataclass, replace

from paunchd.reconcile.model import Container, ContainerState, Health, Probe, Rules, Trial
from paunchd.spec import ContainerSpec, RestartPolicy


@dataclass(frozen=True, slots=True)
class Gate:
    """What a revision must show. *tested*: it has a health test, so running for a while is not enough."""

    tested: bool
    min_healthy_seconds: float
    healthy_deadline_seconds: float
    probation_seconds: float
    max_restarts: int


@dataclass(frozen=True, slots=True)
class Undecided:
    """Look again at *until* at the latest."""

    until: float


@dataclass(frozen=True, slots=True)
class Healthy:
    """In probation until *until*."""

    until: float


@dataclass(frozen=True, slots=True)
class Proven:
    """Outlived its probation, or did all it was to do."""


@dataclass(frozen=True, slots=True)
class Failed:
    """*code* is from a closed set (it labels metrics), *cause* is for people."""

    code: str
    cause: str


Verdict = Undecided | Healthy | Proven | Failed


def gate_of(spec: ContainerSpec | None, rules: Rules) -> Gate:
    """The gate of *spec*: its own ``rollout`` values, else the settings'. Without a spec, running is all to go by."""
    own = spec.rollout if spec else None

    def pick(name: str) -> float:
        value = getattr(own, name, None)
        return getattr(rules, name) if value is None else value  # type: ignore[no-any-return]

    return Gate(
        tested=bool(spec and spec.has_healthcheck),
        min_healthy_seconds=pick("min_healthy_seconds"),
        healthy_deadline_seconds=pick("healthy_deadline_seconds"),
        probation_seconds=pick("probation_seconds"),
        max_restarts=int(pick("max_restarts")),
    )


def advance(
    trial: Trial | None, container: Container | None, probe: Probe | None, gate: Gate, now: float
) -> Trial | None:
    """Return what is to be remembered after this look; ``None`` while nothing has been started."""
    if container is None or container.state is ContainerState.CREATED:
        return None
    details = container.details
    if trial is None or trial.container_id != container.id:
        trial = Trial(container.id, now, now, details.started_at, details.restart_count)
    if details.started_at != trial.started_at or container.state is ContainerState.RESTARTING:
        # A start by hand sets the engine's counter back to zero; then all it counts now is new.
        new = details.restart_count - trial.restart_count
        trial = replace(
            trial,
            steady_since=now,
            started_at=details.started_at,
            restart_count=details.restart_count,
            restarts=trial.restarts + (new if new >= 0 else details.restart_count),
        )
    if trial.healthy_at is None and _is_healthy(trial, container, probe, gate, now):
        trial = replace(trial, healthy_at=now)
    return trial


def _is_healthy(trial: Trial, container: Container, probe: Probe | None, gate: Gate, now: float) -> bool:
    if container.state is not ContainerState.RUNNING:
        return False
    if gate.tested:
        # The engine may still say unhealthy from before; its word must be taken back first, or probation would
        # begin with a failure.
        passed = probe.passed if probe else False
        return container.health is Health.HEALTHY or (passed and container.health is not Health.UNHEALTHY)
    if container.health is not Health.NONE:
        return container.health is Health.HEALTHY
    return now >= trial.steady_since + gate.min_healthy_seconds


def judge(trial: Trial, container: Container, gate: Gate, now: float, *, has_good: bool) -> Verdict:
    """Say what *container* has proved.

    *has_good*: there is a good revision to return to. Without one restarts condemn nothing, because on a first
    roll-out services wait for each other, and a missed deadline is said but may still be made up for.
    """
    misfortune = _misfortune(trial, container, gate, has_good=has_good)
    if misfortune:
        return misfortune
    if container.state is ContainerState.EXITED and _ended_well(container):
        return Proven()
    if trial.healthy_at is None:
        return _before_health(trial, container, gate, now)
    if container.health is Health.UNHEALTHY:
        return Failed("unhealthy", "became unhealthy in probation")
    until = trial.healthy_at + gate.probation_seconds
    if now < until:
        return Healthy(until)
    if container.state is ContainerState.RUNNING:
        return Proven()
    return Healthy(now + max(gate.min_healthy_seconds, 1.0))  # it is down just now, and that is no time to judge


def _misfortune(trial: Trial, container: Container, gate: Gate, *, has_good: bool) -> Failed | None:
    details = container.details
    if details.oom_killed:
        return Failed("oom", "killed by the kernel: out of memory")
    if container.state is ContainerState.EXITED:
        policy = RestartPolicy.parse(container.restart)
        exhausted = policy.max_retries and trial.restarts >= policy.max_retries
        if details.exit_code != 0 and (exhausted or not policy.wants_up(details.exit_code)):
            return Failed("exited", f"exited with code {details.exit_code}")
    if has_good and trial.restarts > gate.max_restarts:
        times = f"restarted {trial.restarts} times, {gate.max_restarts} allowed"
        return Failed("restarts", f"{times}; last exit code {details.exit_code}")
    return None


def _ended_well(container: Container) -> bool:
    code = container.details.exit_code
    return code == 0 and not RestartPolicy.parse(container.restart).wants_up(code)


def _before_health(trial: Trial, container: Container, gate: Gate, now: float) -> Verdict:
    deadline = trial.since + gate.healthy_deadline_seconds
    if now >= deadline:
        return Failed("deadline", f"not healthy within {gate.healthy_deadline_seconds:g} s")
    if gate.tested or container.health is not Health.NONE or container.state is not ContainerState.RUNNING:
        return Undecided(deadline)
    return Undecided(min(deadline, trial.steady_since + gate.min_healthy_seconds))
