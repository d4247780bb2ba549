"""Rollout groups: members switch independently, are proven together and rejected together.

Pure (behaviour, section 6). A group's records are one step of one lane, so that no crash can leave half of it good.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import Accept, Facts, Reason, Reject, State
from paunchd.reconcile.outlook import Outlook
from paunchd.reconcile.verdict import Failed, Healthy, Proven
from paunchd.spec import Kind


def together(outlooks: Mapping[str, Outlook], drifts: Mapping[str, Drift], facts: Facts) -> dict[str, Outlook]:
    """Return *outlooks* with the verdicts of each group's changing members made one."""
    made = dict(outlooks)
    for group, members in _groups(drifts).items():
        changing = [drift for drift in members if not drift.is_good]
        if len(changing) > 1:
            made |= _made_one(group, changing, outlooks, facts)
    return made


def _groups(drifts: Mapping[str, Drift]) -> Mapping[str, list[Drift]]:
    groups: defaultdict[str, list[Drift]] = defaultdict(list)
    for _, drift in sorted(drifts.items()):
        spec = drift.item.spec
        if spec.kind is Kind.CONTAINER and spec.rollout and spec.rollout.group:
            groups[spec.rollout.group].append(drift)
    return groups


def _made_one(
    group: str, changing: list[Drift], outlooks: Mapping[str, Outlook], facts: Facts
) -> Mapping[str, Outlook]:
    ours = {drift.name: outlooks[drift.name] for drift in changing}
    failed = {name: cause for name, outlook in ours.items() if (cause := _failure(outlook))}
    if failed:
        return _rejected(group, changing, ours, failed, facts)
    if all(_ready(ours[drift.name], drift) for drift in changing):
        return _accepted(changing, ours, facts)
    return {name: _unproven(group, outlook) for name, outlook in ours.items() if _accepts(outlook)}


def _failure(outlook: Outlook) -> str:
    step = outlook.steps[0] if outlook.steps else None
    if isinstance(step, Reject):
        return step.cause
    return outlook.verdict.cause if isinstance(outlook.verdict, Failed) else ""


def _accepts(outlook: Outlook) -> bool:
    return bool(outlook.steps) and isinstance(outlook.steps[0], Accept)


def _ready(outlook: Outlook, drift: Drift) -> bool:
    verdict = outlook.verdict
    return isinstance(verdict, Proven) or (isinstance(verdict, Healthy) and drift.good is None)


def _unproven(group: str, outlook: Outlook) -> Outlook:
    status = replace(outlook.status, state=State.PROVING, reason=f"healthy; is proven together with its group {group}")
    return replace(outlook, steps=(), status=status)


def _rejected(
    group: str, changing: list[Drift], ours: Mapping[str, Outlook], failed: Mapping[str, str], facts: Facts
) -> Mapping[str, Outlook]:
    """One that never had a good revision cannot be taken back; those that had one still are."""
    culprit = min(failed)
    rejects = []
    for drift in changing:
        own = ours[drift.name].steps[0] if ours[drift.name].steps else None
        cause = f"{culprit} of its group {group} failed: {failed[culprit]}"
        if drift.good is not None:
            made = Reject(drift.name, drift.effective.hash, "group", cause, "")
            rejects.append(own if isinstance(own, Reject) else made)
    rejects.sort(key=lambda reject: (reject.name in facts.in_flight, reject.name not in failed, reject.name))
    if not rejects:
        return {}
    first, *others = rejects
    return _in_one_lane(replace(first, others=tuple(others)), ours)


def _accepted(changing: list[Drift], ours: Mapping[str, Outlook], facts: Facts) -> Mapping[str, Outlook]:
    accepts = [Accept(drift.name, drift.effective.hash, drift.effective.spec) for drift in changing]
    accepts.sort(key=lambda accept: (accept.name in facts.in_flight, accept.name))
    first, *others = accepts
    return _in_one_lane(replace(first, others=tuple(others)), ours)


def _in_one_lane(record: Accept | Reject, ours: Mapping[str, Outlook]) -> Mapping[str, Outlook]:
    carrier = replace(ours[record.name], steps=(record,), reason=Reason("verdict"), turn=False)
    return {record.name: carrier} | {other.name: replace(ours[other.name], steps=()) for other in record.others}
