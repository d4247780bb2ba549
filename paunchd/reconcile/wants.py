"""Facts → what each declared name wants by itself, whoever's turn it is.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from paunchd.reconcile import container, once
from paunchd.reconcile.diff import Drift, diff
from paunchd.reconcile.model import Facts, Rules
from paunchd.reconcile.outlook import Outlook
from paunchd.reconcile.switch import Case, case_of
from paunchd.reconcile.verdict import gate_of
from paunchd.spec import Kind


@dataclass(frozen=True, slots=True)
class Want:
    """*case*: what the *outlook* of a container was worked out from; ``None`` for whatever runs once."""

    drift: Drift
    case: Case | None
    outlook: Outlook


def wants(facts: Facts, rules: Rules, before: Mapping[str, Want]) -> dict[str, Want]:
    """Return what each declared name wants. *before*, of an earlier look, saves work and changes nothing."""
    return {name: _want(drift, facts, rules, before.get(name)) for name, drift in diff(facts).items()}


def _want(drift: Drift, facts: Facts, rules: Rules, before: Want | None) -> Want:
    match drift.item.spec.kind:
        case Kind.CONTAINER:
            case = case_of(drift, gate_of(drift.spec_on_trial, rules), facts.now)
            if before and before.case == case and _is_timeless(case):
                return before
            return Want(drift, case, container.outlook(case, facts.now))
        case Kind.TASK:
            return Want(drift, None, once.task(drift, facts.now))
        case Kind.EXEC:
            return Want(drift, None, once.exec_(drift, facts))
        case unreachable:
            assert_never(unreachable)


def _is_timeless(case: Case) -> bool:
    """Time matters to a container's verdict, which is in its case, and to one that has been tried in vain."""
    return case.drift.past.newest_attempt is None
