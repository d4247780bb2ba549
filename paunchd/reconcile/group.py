"""Rollout groups: members switch independently, are proven together and rejected together.

Pure (behaviour, section 6). A group's records are one step of one lane, so that no crash can leave half of it good.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import Accept, Facts, Reason, Reject, State
from paunchd.reconcile.outlook import Outlook
from paunchd.reconcile.verdict import Failed
from paunchd.spec import Kind


def together(outlooks: Mapping[str, Outlook], drifts: Mapping[str, Drift], facts: Facts) -> dict[str, Outlook]:
    """Return *outlooks* with the verdicts of each group's changing members made one."""
    made = dict(outlooks)
    for group, members in _groups(drifts).items():
        changing = [drift for drift in members if not drift.is_good and not drift.unknown]
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
    if all(_accept_of(outlook) for outlook in ours.values()) and not facts.in_flight & ours.keys():
        return _accepted(ours)
    return {name: _without_accept(group, outlook) for name, outlook in ours.items()}


def _failure(outlook: Outlook) -> str:
    """Why the member cannot become good as it is. One the engine refuses fails its group even where it has no good
    revision of its own, as it does at its deadline; one that is up fails nobody by a value it could not be given.
    """
    step = outlook.steps[0] if outlook.steps else None
    if isinstance(step, Reject):
        return step.cause
    if isinstance(outlook.verdict, Failed):
        return outlook.verdict.cause
    failed = outlook.status.state is State.FAILED and not outlook.started
    return outlook.status.reason if failed else ""


def _accept_of(outlook: Outlook) -> Accept | None:
    """A member may be recorded as good exactly when it would be alone, with nothing left to do before.

    Writing down what a kept container tells, with the store lost, is no such record.
    """
    step = outlook.steps[0] if outlook.steps else None
    return step if isinstance(step, Accept) and step.revision == outlook.revision else None


def _without_accept(group: str, outlook: Outlook) -> Outlook:
    """The member goes on by itself up to its record, which is the group's."""
    if not _accept_of(outlook):
        return outlook
    status = replace(outlook.status, reason=f"healthy; is proven together with its group {group}")
    return replace(outlook, steps=(), status=status)


def _rejected(
    group: str, changing: list[Drift], ours: Mapping[str, Outlook], failed: Mapping[str, str], facts: Facts
) -> Mapping[str, Outlook]:
    """One that never had a good revision cannot be taken back; those that had one still are.

    The lane is that of a member that failed; while that one is in flight it is just recording this. Members busy with
    their preparation are not waited for: a pull may take long, and the group must be back at once.
    """
    culprit = min(failed)
    cause = f"{culprit} of its group {group} failed: {failed[culprit]}"
    rejects = []
    for drift in changing:
        own = ours[drift.name].steps[0] if ours[drift.name].steps else None
        if drift.good is not None:
            made = Reject(drift.name, drift.effective.hash, "group", cause, _evidence(drift))
            rejects.append(own if isinstance(own, Reject) else made)
    busy = facts.in_flight - failed.keys()
    rejects.sort(key=lambda reject: (reject.name not in failed, reject.name in busy, reject.name))
    if not rejects:
        return {name: _without_accept(group, outlook) for name, outlook in ours.items()}
    first, *others = rejects
    return _in_one_lane(replace(first, others=tuple(others)), ours)


def _evidence(drift: Drift) -> str:
    return drift.on_trial.engine_name if drift.on_trial else ""


def _accepted(ours: Mapping[str, Outlook]) -> Mapping[str, Outlook]:
    first, *others = [accept for _, outlook in sorted(ours.items()) if (accept := _accept_of(outlook))]
    return _in_one_lane(replace(first, others=tuple(others)), ours)


def _in_one_lane(record: Accept | Reject, ours: Mapping[str, Outlook]) -> Mapping[str, Outlook]:
    carrier = replace(ours[record.name], steps=(record,), reason=Reason("verdict"), turn=False)
    return {record.name: carrier} | {other.name: replace(ours[other.name], steps=()) for other in record.others}
