"""Makes an image name that means another image by now another revision (T-020).

Pure. Applied between looking and deciding: where the images of a name are told apart, every hash of it, desired,
observed or remembered, is that of the spec and the image together. So the table, the verdicts, groups and rollback
know nothing of images; what follows the name of an image is only decided here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from paunchd.reconcile.model import (
    Container,
    Desired,
    Facts,
    History,
    Item,
    Past,
    Revision,
    Rules,
    Seen,
    bare,
    image_of,
    pinned,
    unpinned,
)
from paunchd.spec import ContainerSpec, Kind

Images = Mapping[str, str]


def images_to_know(desired: Desired, history: History, rules: Rules) -> frozenset[str]:
    """The image names and ids whose meaning decides something in this pass."""
    wanted: set[str] = set()
    for name, item in desired.items.items():
        past = history.of(name)
        if _is_told_apart(item, past, rules):
            good = past.good
            wanted |= {item.spec.image, image_of(good.hash) if good else "", _name_of(good)}
    return frozenset(wanted - {""})


def told_apart(facts: Facts, rules: Rules) -> Facts:
    """Return *facts* with pinned revisions, for the names that need them.

    Those whose moved image is to replace them, and those with a memory that tells images apart: so turning the setting
    off loses no good revision, and turning it on finds the good one at the image its container has.
    """
    items, looks, pasts = dict(facts.desired.items), dict(facts.observed.names), dict(facts.history.names)
    for name, item in facts.desired.items.items():
        past = facts.history.of(name)
        if not _is_told_apart(item, past, rules):
            continue
        seen = _pinned(facts.observed.of(name))
        good = _good(past.good, item, seen, facts.observed.images)
        remembered = _at(item.hash, [*([good.hash] if good else []), *reversed(list(past.rejected))])
        items[name] = _item(item, seen, remembered, facts.observed.images, rules)
        if good and good.hash == item.hash:
            good = replace(good, hash=items[name].hash, image=items[name].image)  # nothing tells them apart
        if name in looks:
            looks[name] = seen
        if name in pasts:
            pasts[name] = replace(past, good=good, rejected=_rejected(past.rejected, items[name].hash))
    return replace(
        facts,
        desired=replace(facts.desired, items=items),
        observed=replace(facts.observed, names=looks),
        history=replace(facts.history, names=pasts),
    )


def _is_told_apart(item: Item, past: Past, rules: Rules) -> bool:
    """Only containers: what runs once is done, whatever its image means later."""
    if item.spec.kind is not Kind.CONTAINER:
        return False
    if _replaces(item, rules) or (past.good and image_of(past.good.hash)):
        return True
    return any(image_of(revision) and bare(revision) == bare(item.hash) for revision in past.rejected)


def _replaces(item: Item, rules: Rules) -> bool:
    own = item.spec.rollout.moved_image if item.spec.rollout else None
    return (own or rules.moved_image) == "replace"


def _pinned(seen: Seen) -> Seen:
    def pin(container: Container | None) -> Container | None:
        return container and replace(container, hash=pinned(container.hash, container.image_id))

    strays = tuple(replace(c, hash=pinned(c.hash, c.image_id)) for c in seen.strays)
    return replace(seen, live=pin(seen.live), next=pin(seen.next), prev=pin(seen.prev), strays=strays)


def _item(item: Item, seen: Seen, remembered: str, images: Images, rules: Rules) -> Item:
    """The desired image is what the name means now, where that counts and is known; else the one it already has."""
    meant = images.get(item.spec.image, "") if _replaces(item, rules) else ""
    image = meant or _at(item.hash, [c.hash for c in seen.containers]) or remembered
    return replace(item, hash=pinned(item.hash, image), image=_from(image, item.spec, images))


def _good(good: Revision | None, item: Item, seen: Seen, images: Images) -> Revision | None:
    """The good revision at its image. One remembered without is at the image of its container, the kept one first.

    An image that is gone from the node cannot be returned to: then whatever the name means is as good.
    """
    if good is None:
        return None
    there = [c.hash for c in (seen.prev, seen.live, seen.next, *seen.strays) if c]
    own = image_of(good.hash)
    image = own if own and images.get(own, own) else _at(unpinned(good.hash), there)
    spec = good.spec or (item.spec if unpinned(good.hash) == item.hash else None)
    return Revision(pinned(unpinned(good.hash), image), spec, _from(image, spec, images))


def _rejected(rejected: Mapping[str, str], desired: str) -> Mapping[str, str]:
    """What was rejected while images were not told apart stays rejected, whatever its image."""
    cause = rejected.get(unpinned(desired))
    return rejected if cause is None else {**rejected, desired: cause}


def _at(hash_: str, revisions: Iterable[str]) -> str:
    """The image of the first of *revisions* that is of this spec."""
    return next((image_of(one) for one in revisions if unpinned(one) == hash_ and image_of(one)), "")


def _from(image: str, spec: ContainerSpec | None, images: Images) -> str:
    return image if spec and images.get(spec.image) != image else ""


def _name_of(good: Revision | None) -> str:
    return good.spec.image if good and good.spec else ""
