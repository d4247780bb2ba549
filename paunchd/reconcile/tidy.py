"""Keeps the store no larger than the node, and the good revisions' unhashed parts as now declared.

Must never forget what may only be unreadable.
"""

import asyncio
from collections.abc import Collection

from paunchd.reconcile.model import Facts, Revision
from paunchd.store import Store


async def tidy_up(store: Store, facts: Facts, busy: Collection[str]) -> frozenset[str]:
    """Return the names that are forgotten now; those in *busy* are left alone. Raises ``StoreError``."""
    desired = facts.desired
    if desired.degraded or desired.broken_configs:
        return frozenset()
    there = (
        desired.items.keys()
        | desired.protected.keys()
        | facts.observed.names.keys()
        | facts.observed.unseen
        | set(busy)
    )
    gone = frozenset(store.names().keys() - there)
    for name in gone:
        await asyncio.to_thread(store.forget, name)
    for name, item in desired.items.items():
        good = facts.history.of(name).good
        if not good or good.hash != item.hash or good.spec is item.spec or name in busy:
            continue
        if good.spec != item.spec:
            await asyncio.to_thread(store.respec, name, Revision(item.hash, item.spec))
    return gone
