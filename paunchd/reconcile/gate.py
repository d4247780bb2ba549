"""Whose health test is to be run: of whatever is on trial and not healthy yet.

Pure.
"""

from collections.abc import Mapping

from paunchd.reconcile.model import Facts, Revision, Trial
from paunchd.spec import ContainerSpec, Healthcheck


def to_probe(facts: Facts, trials: Mapping[str, Trial]) -> dict[str, Healthcheck]:
    """Return the health tests to run, by container id."""
    targets: dict[str, Healthcheck] = {}
    for name, trial in trials.items():
        item, seen = facts.desired.items.get(name), facts.observed.of(name)
        judged = next((c for c in seen.containers if c.id == trial.container_id), None)
        spec = _spec_of(judged.hash, item.hash, item.spec, facts.history.of(name).good) if item and judged else None
        if judged and judged.running and trial.healthy_at is None and spec and spec.healthcheck:
            targets[judged.id] = spec.healthcheck
    return targets


def _spec_of(revision: str, desired: str, spec: ContainerSpec, good: Revision | None) -> ContainerSpec | None:
    if revision == desired:
        return spec
    return good.spec if good and good.hash == revision else None
