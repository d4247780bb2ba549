"""The answers about the node as a whole: plan, configs, status."""

from collections import Counter
from typing import Literal

from paunchd import __version__, readings
from paunchd.api.views import LaneView, View, lane_view
from paunchd.reconcile.model import Fault, Snapshot, State
from paunchd.troubles import NodeMatter, summary, troubles


class BlockedView(View):
    name: str
    by: list[str]


class HeldView(View):
    """A name whose drift is not acted on now, and why."""

    name: str
    state: State
    reason: str


class PlanView(View):
    text: str
    lanes: list[LaneView]
    blocked: list[BlockedView]
    held: list[HeldView]


class FaultView(View):
    """Why a file is broken, or what is odd about it; both 0: no place in the text."""

    path: str
    line: int
    column: int
    key: str
    reason: str


class ConfigView(View):
    """One config. *digest* is sha256 of its file as read. *waited* is how a wait ended, null without one."""

    config_id: str
    generation: int
    observed_generation: int
    digest: str
    broken: str | None
    faults: list[FaultView]
    warnings: list[str]
    settled: bool
    failed: bool
    names: list[str]
    failed_names: list[str]
    waited: Literal["settled", "failed", "timed out"] | None = None


class ConfigsView(View):
    generation: int
    observed_generation: int
    configs: list[ConfigView]


class TroubleView(View):
    """*what* is a name's state, or what is wrong with the node; *name* is null where it is nobody's.

    *bad*: a person is needed, or the node cannot be judged.
    """

    what: State | NodeMatter
    name: str | None
    cause: str
    last_error: str | None
    advice: str
    bad: bool


class StatusView(View):
    """The node at one glance; *wrong* is sorted by how much it hurts."""

    version: str
    summary: str
    generation: int
    observed_generation: int
    settled: bool
    engine: str
    source: str
    states: dict[State, int]
    wrong: list[TroubleView]
    broken_files: list[str]
    warnings: list[str]
    held_removals: list[str]


#: Drift seen and not acted on now, for reasons an operator asks a plan about.
NOT_ACTED_ON = frozenset({State.HELD, State.CONFLICT, State.BROKEN, State.ROLLED_BACK, State.PARKED, State.WAITING})


def plan_view(snapshot: Snapshot) -> PlanView:
    statuses = sorted(snapshot.plan.statuses.values(), key=lambda status: status.name)
    return PlanView(
        text=str(snapshot.plan),
        lanes=[lane_view(lane) for lane in snapshot.plan.lanes],
        blocked=[BlockedView(name=s.name, by=list(s.blocked_by)) for s in statuses if s.blocked_by],
        held=[HeldView(name=s.name, state=s.state, reason=s.reason) for s in statuses if s.state in NOT_ACTED_ON],
    )


def config_view(snapshot: Snapshot, config_id: str) -> ConfigView | None:
    """Tell how *config_id* stands; ``None`` where no file declares it and nothing of it is left."""
    config = snapshot.desired.configs.get(config_id)
    names = sorted(readings.names_of_config(snapshot, config_id))
    if config is None and not names:
        return None
    failed = [name for name in names if readings.has_failed(snapshot, name)]
    faults = config.faults if config else ()
    planned = snapshot.observed_generation >= snapshot.desired.generation
    settled = all(readings.is_settled(snapshot, name) for name in names)
    return ConfigView(
        config_id=config_id,
        generation=snapshot.desired.generation,
        observed_generation=snapshot.observed_generation,
        digest=config.digest if config else "",
        broken="; ".join(str(fault) for fault in faults) or None,
        faults=[_fault(fault) for fault in faults],
        warnings=[str(warning) for warning in config.warnings] if config else [],
        settled=settled and planned and not faults and not failed and _readable(snapshot),
        failed=bool(failed or faults),
        names=names,
        failed_names=failed,
    )


def configs_view(snapshot: Snapshot) -> ConfigsView:
    left = {
        container.config_id
        for name, seen in snapshot.observed.names.items()
        if name not in snapshot.desired.items
        for container in seen.containers
    }
    views = [config_view(snapshot, config_id) for config_id in sorted(left | snapshot.desired.configs.keys())]
    return ConfigsView(
        generation=snapshot.desired.generation,
        observed_generation=snapshot.observed_generation,
        configs=[view for view in views if view is not None],
    )


def gone_view(snapshot: Snapshot, config_id: str) -> ConfigView:
    """Show a config that no file declares and of which nothing is left: settled, and empty."""
    return ConfigView(
        config_id=config_id,
        generation=snapshot.desired.generation,
        observed_generation=snapshot.observed_generation,
        digest="",
        broken=None,
        faults=[],
        warnings=[],
        settled=True,
        failed=False,
        names=[],
        failed_names=[],
    )


def status_view(snapshot: Snapshot) -> StatusView:
    states = Counter(readings.state_of(snapshot, name) for name in snapshot.plan.statuses)
    return StatusView(
        version=__version__,
        summary=summary(snapshot),
        generation=snapshot.desired.generation,
        observed_generation=snapshot.observed_generation,
        settled=snapshot.settled,
        engine=snapshot.engine,
        source=snapshot.desired.degraded or "ok",
        states={state: states[state] for state in State if states[state]},
        wrong=_wrong(snapshot),
        broken_files=[str(f) for config in snapshot.desired.configs.values() for f in config.faults],
        warnings=[str(w) for config in snapshot.desired.configs.values() for w in config.warnings],
        held_removals=list(readings.held_removals(snapshot)),
    )


def _wrong(snapshot: Snapshot) -> list[TroubleView]:
    return [
        TroubleView(
            what=one.what,
            name=one.name or None,
            cause=one.cause,
            last_error=one.last_error or None,
            advice=one.advice,
            bad=one.bad,
        )
        for one in troubles(snapshot)
    ]


def _readable(snapshot: Snapshot) -> bool:
    return snapshot.engine == "ok" and not snapshot.desired.degraded


def _fault(fault: Fault) -> FaultView:
    return FaultView(path=fault.path, line=fault.line, column=fault.column, key=fault.key, reason=fault.reason)
