"""Facts → Plan: a total function. It raises nothing, logs nothing and reads no clock.

Pure. The work is done by noun: ``diff`` picks each name's effective revision, ``container``, ``once`` and ``removal``
say what each name wants, which ``wants`` gathers, ``order`` whose turn it is. Here the lanes are put together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from paunchd.reconcile import container
from paunchd.reconcile.diff import Drift, diff
from paunchd.reconcile.group import together
from paunchd.reconcile.model import Facts, Lane, Plan, Reject, Rules, State, Status, Trial
from paunchd.reconcile.order import Declared, order
from paunchd.reconcile.outlook import Outlook
from paunchd.reconcile.removal import removals
from paunchd.reconcile.verdict import advance, gate_of
from paunchd.reconcile.wants import Want, wants
from paunchd.spec import Kind

WRITTEN = "its config files are being written"


def plan(facts: Facts, rules: Rules, wanted: Mapping[str, Want] | None = None) -> Plan:
    """Return the lanes that may begin now, everyone's status, and when to look again at the latest.

    *wanted*: what each name wants by these very facts, where that has been worked out already.
    """
    wanted = wants(facts, rules, {}) if wanted is None else wanted
    drifts = {name: one.drift for name, one in wanted.items()}
    outlooks = together({name: one.outlook for name, one in wanted.items()}, drifts, facts)
    waiting = order(
        [Declared(drifts[name].item, _as_yet(outlook, facts)) for name, outlook in outlooks.items()],
        rules.between_steps,
    )
    for name, status in (waiting | _degraded(outlooks, drifts, facts) | _written(outlooks, drifts)).items():
        outlooks[name] = _put_off(outlooks[name], status, drifts[name], facts)
    outlooks |= {outlook.name: outlook for outlook in removals(facts, rules)}
    statuses = {name: _status(outlook, facts) for name, outlook in outlooks.items()}
    statuses |= {
        name: Status(name, State.CONFLICT, reason)
        for name, reason in facts.desired.protected.items()
        if name not in statuses
    }
    return Plan(
        lanes=tuple(_lane(outlook, facts) for outlook in outlooks.values() if _begins(outlook, facts)),
        statuses=statuses,
        look_again_at=_look_again_at(statuses, facts.in_flight),
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what it was made from."""

    facts: Facts
    rules: Rules
    plan: Plan


def still_holds(before: Planned, facts: Facts, rules: Rules) -> bool:
    """Whether nothing but time has passed since *before*, and none of it matters: planning would say the same again.

    Time matters to whatever is on trial, has been tried, or waits for a moment.
    """
    pasts = facts.history.names.values()
    timed = before.plan.look_again_at is not None or any(past.trial or past.newest_attempt for past in pasts)
    if timed or before.plan.lanes or before.rules != rules:
        return False
    seen = replace(before.facts.observed, at=facts.observed.at)
    return facts == replace(before.facts, observed=seen, now=facts.now)


def trials(facts: Facts, rules: Rules) -> dict[str, Trial]:
    """Return the memory of each running trial after this look; names without one have nothing to prove."""
    kept = {}
    for name, drift in diff(facts).items():
        judged = drift.on_trial
        if judged is None:
            continue
        gate = gate_of(drift.spec_on_trial, rules)
        trial = advance(drift.past.trial, judged, facts.observed.probes.get(judged.id), gate, facts.now)
        if trial:
            kept[name] = trial
    return kept


def hang_on(facts: Facts, made: Plan) -> frozenset[str]:
    """Return the names that pass their gate by *facts* or become good by *made*: they must be known as they are now."""
    pasts = facts.history.names.items()
    passed = frozenset(name for name, past in pasts if past.trial and past.trial.healthy_at == facts.now)
    return passed.union(*(lane.accepted for lane in made.lanes))


def _as_yet(outlook: Outlook, facts: Facts) -> Outlook:
    """What others may count on: a container is seen to run a while before the lane that starts it is over."""
    if outlook.name not in facts.in_flight:
        return outlook
    return replace(outlook, started=False, healthy=False, completed=False)


def _begins(outlook: Outlook, facts: Facts) -> bool:
    return bool(outlook.steps) and outlook.name not in facts.in_flight | facts.observed.unseen


def _put_off(outlook: Outlook, status: Status, drift: Drift, facts: Facts) -> Outlook:
    if drift.item.spec.kind is Kind.CONTAINER:
        return container.meanwhile(outlook, status, drift, facts.now)
    return replace(outlook, status=status, steps=())


def _degraded(outlooks: Mapping[str, Outlook], drifts: Mapping[str, Drift], facts: Facts) -> dict[str, Status]:
    """While the directory cannot be read nothing that is there is replaced, by whatever was last understood."""
    reason = facts.desired.degraded
    return {
        name: Status(name, State.HELD, f"not replaced: {reason}")
        for name, outlook in outlooks.items()
        if reason and outlook.turn and outlook.steps and drifts[name].seen.containers
    }


def _written(outlooks: Mapping[str, Outlook], drifts: Mapping[str, Drift]) -> dict[str, Status]:
    """What reads config files that are just being written is replaced once they are all there, for whatever reason."""
    return {
        name: Status(name, State.WAITING, WRITTEN, until=drift.content.until)
        for name, drift in drifts.items()
        if drift.content and drift.content.until and drift.seen.containers
        if outlooks[name].turn and outlooks[name].steps
    }


def _status(outlook: Outlook, facts: Facts) -> Status:
    status = outlook.status
    if outlook.name in facts.in_flight:
        return replace(status, settled=False)
    if outlook.name in facts.observed.unseen:
        return Status(outlook.name, State.UNKNOWN, "the engine lists it and does not answer when asked about it")
    item = facts.desired.items.get(outlook.name)
    if status.settled and item and item.kept_because:
        return replace(status, state=State.BROKEN, reason=item.kept_because, settled=False)
    content = facts.contents.get(outlook.name)
    if status.settled and content and content.until:
        until = min(content.until, status.until or content.until)  # a probation may be over before
        return replace(status, reason=status.reason or WRITTEN, settled=False, until=until)
    return replace(status, settled=False) if outlook.steps else status


def _look_again_at(statuses: Mapping[str, Status], in_flight: frozenset[str]) -> float | None:
    """The first moment anyone waits for, but for names in flight: there the end of the lane wakes."""
    moments = (status.until for name, status in statuses.items() if name not in in_flight)
    return min((moment for moment in moments if moment is not None), default=None)


def _lane(outlook: Outlook, facts: Facts) -> Lane:
    """A record for a whole group also knows the others' containers, to keep evidence of them."""
    first = outlook.steps[0]
    others = [other.name for other in first.others] if isinstance(first, Reject) else []
    return Lane(
        name=outlook.name,
        reason=outlook.reason,
        steps=outlook.steps,
        revision=outlook.revision,
        ids={c.engine_name: c.id for name in (outlook.name, *others) for c in facts.observed.of(name).containers},
        repair=outlook.repair,
    )
