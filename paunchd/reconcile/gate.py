"""Whose health test is to be run: of whatever is on trial and not healthy yet.

Pure.
"""

from collections.abc import Mapping

from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import Trial
from paunchd.spec import Healthcheck


def to_probe(drifts: Mapping[str, Drift], trials: Mapping[str, Trial]) -> dict[str, Healthcheck]:
    """Return the health tests to run, by container id."""
    targets: dict[str, Healthcheck] = {}
    for name, drift in drifts.items():
        trial, judged, spec = trials.get(name), drift.on_trial, drift.spec_on_trial
        if trial is None or judged is None or trial.container_id != judged.id:
            continue
        if trial.healthy_at is None and judged.running and spec and spec.healthcheck:
            targets[judged.id] = spec.healthcheck
    return targets
