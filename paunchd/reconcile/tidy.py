"""Keeps the store no larger than the node, and what it says of good revisions and of files read as it is now.

Must never forget what may only be unreadable.
"""

import asyncio
from collections.abc import Collection

from paunchd.reconcile.contents import newly_read
from paunchd.reconcile.model import Facts, Item, Past, Revision, bare, files_of, image_of, scope_of
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
    for name, read in newly_read(facts).items():
        if name not in busy:
            await asyncio.to_thread(store.save_read, name, read)
    return gone


def _as_now(kept: Revision | None, good: Revision | None, item: Item) -> Revision | None:
    """The good revision that is *kept*, at the image and files it was found to have, as *item* declares it now."""
    if kept is None or good is None or not _grown(kept.hash, good.hash):
        return None
    return Revision(good.hash, item.spec if bare(good.hash) == bare(item.hash) else kept.spec)


def _grown(kept: str, found: str) -> bool:
    """*found* is *kept*, with perhaps more known of it."""
    before, now = files_of(kept), files_of(found)
    same_files = before in ("", now) or bool(now and scope_of(before) != scope_of(now))
    return bare(kept) == bare(found) and same_files and image_of(kept) in ("", image_of(found))
