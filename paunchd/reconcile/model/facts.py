"""What a pass decides from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from paunchd.reconcile.model.content import Content
from paunchd.reconcile.model.desired import Desired
from paunchd.reconcile.model.history import History
from paunchd.reconcile.model.observed import Observed


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a pass decides from.

    *in_flight*: names whose lane is being carried out right now. *now*: when the look began, for what was seen proves
    nothing about the time that the look itself took. *contents*: of every name that reads config files.
    """

    desired: Desired
    observed: Observed
    history: History
    in_flight: frozenset[str]
    now: float
    contents: Mapping[str, Content] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decisions depend on; seconds, counts and a share of 0 to 1. Set them from ``Settings``."""

    min_healthy_seconds: float
    healthy_deadline_seconds: float
    probation_seconds: float
    max_restarts: int
    moved_image: str
    between_steps: str
    removal_count: int
    removal_fraction: float
