"""Keeps the store no larger than the node, and the good revisions' images and unhashed parts as they are now.

Must never forget what may only be unreadable.
"""

import asyncio
from collections.abc import Collection

from paunchd.reconcile.model import Facts, Item, Past, Revision, bare
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
    for name in desired.items.keys() - busy:
        kept = store.names().get(name, Past()).good
        good = _as_now(kept, facts.history.of(name).good, desired.items[name])
        if good and good != kept:
            await asyncio.to_thread(store.respec, name, good)
    return gone


def _as_now(kept: Revision | None, good: Revision | None, item: Item) -> Revision | None:
    """The good revision that is *kept*, at the image it was found to have, with what *item* declares of it now."""
    if kept is None or good is None or kept.hash not in (good.hash, bare(good.hash)):
        return None
    return Revision(good.hash, item.spec if bare(good.hash) == bare(item.hash) else kept.spec)
