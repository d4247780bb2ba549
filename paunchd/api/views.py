"""The answers of the API, each built from a Snapshot and nothing else.

A view never carries a spec: fields are picked one by one, and none holds an environment value or a command.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from paunchd import readings
from paunchd.reconcile.model import ContainerState, Health, Lane, Past, Snapshot, State, Status
from paunchd.spec import Kind
from paunchd.troubles import trouble_of

FILES_SHOWN = 200
ENDED = frozenset({ContainerState.EXITED, ContainerState.RESTARTING, ContainerState.DEAD})


class View(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class ContainerView(View):
    """One name. *image* is what runs, or what is declared where nothing runs; *doing*: the step in flight.

    *advice* says what to do where something is wrong; *bad*: a person is needed.
    """

    name: str
    kind: Kind
    config_id: str | None
    step: int | None
    state: State
    reason: str
    since: datetime | None
    settled: bool
    desired_hash: str | None
    running_hash: str | None
    image: str | None
    engine_name: str | None
    health: Health | None
    blocked_by: list[str]
    next_attempt: datetime | None
    last_error: str | None
    doing: str | None
    advice: str | None
    bad: bool


class ContainersView(View):
    generation: int
    observed_generation: int
    source: Literal["ok", "degraded"]
    engine: Literal["ok", "away"]
    settled: bool
    containers: list[ContainerView]


class LaneView(View):
    name: str
    reason: str
    steps: list[str]


class TrialView(View):
    since: datetime
    steady_since: datetime
    healthy_at: datetime | None
    restarts: int


class ResultView(View):
    revision: str
    succeeded: bool
    exit_code: int
    cause: str
    attempts: int


class RejectedView(View):
    """A revision that failed, and what was kept of it; null: unknown, or not for whom it is told.

    *logs* and *health_output* are a container's own words, and may hold anything.
    """

    revision: str
    cause: str
    at: datetime | None = None
    exit_code: int | None = None
    oom_killed: bool | None = None
    restart_count: int | None = None
    health_output: str | None = None
    logs: list[str] | None = None


class EngineContainerView(View):
    """A container of ours. *exit_code*: how it ended; null where it has not."""

    engine_name: str
    id: str
    hash: str
    image: str
    state: ContainerState
    health: Health
    exit_code: int | None


class ConfigFilesView(View):
    """The config files that count for one name, by name; *trouble*: why they cannot be told just now."""

    files: list[str]
    count: int
    on_change: str
    trouble: str | None


class ContainerDetailView(ContainerView):
    """Everything known of one name. *desired_image* may differ from *image*, which is what runs."""

    path: str | None
    kept_because: str | None
    desired_image: str | None
    good_hash: str | None
    rejected: list[RejectedView]
    results: list[ResultView]
    hold: bool
    attempts_failed: int
    depends_on: list[str]
    trial: TrialView | None
    lane: LaneView | None
    engine_containers: list[EngineContainerView]
    foreign: list[str]
    config_files: ConfigFilesView | None


def container_view(snapshot: Snapshot, name: str) -> ContainerView:
    return ContainerView(**_common(snapshot, name))


def containers_view(snapshot: Snapshot) -> ContainersView:
    return ContainersView(
        generation=snapshot.desired.generation,
        observed_generation=snapshot.observed_generation,
        source="degraded" if snapshot.desired.degraded else "ok",
        engine="ok" if snapshot.engine == "ok" else "away",
        settled=snapshot.settled,
        containers=[container_view(snapshot, name) for name in sorted(snapshot.plan.statuses)],
    )


def container_detail_view(snapshot: Snapshot, name: str) -> ContainerDetailView | None:
    """Tell all of *name*; ``None`` where no such name is declared, running or remembered as planned."""
    if name not in snapshot.plan.statuses and name not in snapshot.desired.items:
        return None
    item = snapshot.desired.items.get(name)
    past, seen = snapshot.history.of(name), snapshot.observed.of(name)
    lane = snapshot.in_flight.get(name)
    return ContainerDetailView(
        **_common(snapshot, name),
        path=item.path if item else None,
        kept_because=(item.kept_because or None) if item else None,
        desired_image=(item.spec.image or None) if item else None,
        good_hash=past.good.hash if past.good else None,
        rejected=[RejectedView(revision=hash_, cause=cause) for hash_, cause in past.rejected.items()],
        results=_results(past),
        hold=past.hold,
        attempts_failed=past.newest_attempt.failures if past.newest_attempt else 0,
        depends_on=[f"{one.name} {one.condition}" for one in item.spec.depends_on] if item else [],
        trial=_trial(past, snapshot.wall_offset),
        lane=lane_view(lane) if lane else None,
        engine_containers=[
            EngineContainerView(
                engine_name=c.engine_name,
                id=c.id,
                hash=c.hash,
                image=c.image,
                state=c.state,
                health=c.health,
                exit_code=c.details.exit_code if c.state in ENDED else None,
            )
            for c in seen.containers
        ],
        foreign=list(seen.foreign),
        config_files=_config_files(snapshot, name),
    )


def with_evidence(
    view: ContainerDetailView, evidence: Sequence[Mapping[str, object]], *, words: bool
) -> ContainerDetailView:
    """Add to each rejected revision of *view* what is kept of it; the container's own words only with *words*."""
    kept = {one["hash"]: one for one in evidence}
    rejected = [_with_evidence(one, kept.get(one.revision, {}), words=words) for one in view.rejected]
    return view.model_copy(update={"rejected": rejected})


def _with_evidence(view: RejectedView, kept: Mapping[str, object], *, words: bool) -> RejectedView:
    found = {key: kept.get(key) for key in ("at", "exit_code", "oom_killed", "restart_count")}
    if isinstance(found["at"], (int, float)):
        found["at"] = wall_time(found["at"])
    if words:
        found["health_output"] = kept.get("health_output")
        found["logs"] = str(kept["logs"]).splitlines() if "logs" in kept else None
    return RejectedView.model_validate({"revision": view.revision, "cause": view.cause, **found})


def _common(snapshot: Snapshot, name: str) -> dict[str, object]:
    item, past = snapshot.desired.items.get(name), snapshot.history.of(name)
    seen = snapshot.observed.of(name)
    shown = seen.live or next(iter(seen.containers), None)
    status = readings.status_of(snapshot, name)
    since, trouble = snapshot.since.get(name), trouble_of(snapshot, name)
    return {
        "name": name,
        "kind": readings.kind_of(snapshot, name),
        "config_id": readings.config_of(snapshot, name),
        "step": item.step if item else None,
        "state": status.state,
        "reason": status.reason,
        "since": None if since is None else wall_time(since),
        "settled": readings.is_settled(snapshot, name),
        "desired_hash": item.hash if item else None,
        "running_hash": (seen.live.hash or None) if seen.live else None,
        "image": _image(snapshot, name),
        "engine_name": shown.engine_name if shown else None,
        "health": shown.health if shown else None,
        "blocked_by": list(status.blocked_by),
        "next_attempt": _next_attempt(past, status, snapshot.wall_offset),
        "last_error": past.last_error or None,
        "doing": snapshot.doing.get(name),
        "advice": trouble.advice if trouble else None,
        "bad": trouble is not None and trouble.bad,
    }


def _image(snapshot: Snapshot, name: str) -> str | None:
    """Name what runs as its definition does: the engine says an id instead once the tag has moved."""
    item, live = snapshot.desired.items.get(name), snapshot.observed.of(name).live
    if item and (live is None or live.hash == item.hash):
        return item.spec.image or None
    return live.image if live else None


def _next_attempt(past: Past, status: Status, wall_offset: float) -> datetime | None:
    if all(tried is None or status.until != tried.next_at for tried in (past.attempt, past.update)):
        return None  # nothing waits for it
    return None if status.until is None else wall_time(status.until + wall_offset)


def _trial(past: Past, wall_offset: float) -> TrialView | None:
    trial = past.trial
    if trial is None:
        return None
    return TrialView(
        since=wall_time(trial.since + wall_offset),
        steady_since=wall_time(trial.steady_since + wall_offset),
        healthy_at=None if trial.healthy_at is None else wall_time(trial.healthy_at + wall_offset),
        restarts=trial.restarts,
    )


def _config_files(snapshot: Snapshot, name: str) -> ConfigFilesView | None:
    item, content = snapshot.desired.items.get(name), snapshot.contents.get(name)
    if item is None or content is None:
        return None
    return ConfigFilesView(
        files=sorted(content.files)[:FILES_SHOWN],
        count=len(content.files),
        on_change=str(item.spec.reads.on_change),
        trouble=content.trouble or None,
    )


def _results(past: Past) -> list[ResultView]:
    return [
        ResultView(
            revision=revision,
            succeeded=result.succeeded,
            exit_code=result.exit_code,
            cause=result.cause,
            attempts=result.attempts,
        )
        for revision, result in past.results.items()
    ]


def wall_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def lane_view(lane: Lane) -> LaneView:
    return LaneView(name=lane.name, reason=str(lane.reason), steps=[str(step) for step in lane.steps])
