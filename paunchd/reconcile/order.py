"""Whose turn it is: steps, start orders and dependencies (behaviour, section 5).

Pure. Only what brings something new asks for its turn; ``order`` says who must wait, and for whom. A failure blocks
what comes after it and nothing else (T-111).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from paunchd.reconcile.model import Item, State, Status
from paunchd.reconcile.outlook import Outlook
from paunchd.spec import Dependency, Kind

Ready = Callable[[Outlook], bool]
Chain = tuple[str, ...]  # the place that start orders count within, or nothing: steps count everywhere
Node = str | tuple[Chain, int]  # a declared name, or a barrier: everything of one chain up to a rank


@dataclass(frozen=True, slots=True)
class Declared:
    """An item beside its outlook."""

    item: Item
    outlook: Outlook

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def place(self) -> tuple[str, str]:
        """Within one config and step the start order counts."""
        return self.item.config_id, str(self.item.step)


def order(declared: Iterable[Declared], between_steps: str) -> dict[str, Status]:
    """Return a status for each name whose steps must not begin yet; the others may."""
    everyone = list(declared)
    waiting = [one for one in everyone if one.outlook.turn and one.outlook.steps]
    if not waiting:
        return {}
    by_name = {one.name: one for one in everyone}
    cycles = _cycles(everyone)
    steps = _first_unready(everyone, lambda one: one.item.step, _ready_for_next_step(between_steps))
    orders = {
        place: _first_unready(members, lambda one: one.item.spec.start_order, _started)
        for place, members in _by_place(everyone).items()
    }
    statuses = {}
    for one in waiting:
        status = (
            cycles.get(one.name)
            or _behind(one, one.item.step, steps, "an earlier step")
            or _behind(one, one.item.spec.start_order, orders[one.place], "an earlier start_order")
            or _dependent(one, by_name)
        )
        if status:
            statuses[one.name] = status
    return statuses


def _started(outlook: Outlook) -> bool:
    return outlook.started


def _ready_for_next_step(between_steps: str) -> Ready:
    """``auto``: what replaces a good revision must be healthy again; what never had one need only have started."""
    if between_steps == "started":
        return _started
    if between_steps == "healthy":
        return lambda outlook: outlook.healthy or outlook.completed
    return lambda outlook: outlook.started and (outlook.healthy or outlook.completed or not outlook.replaces)


def _by_place(everyone: list[Declared]) -> Mapping[tuple[str, str], list[Declared]]:
    places: defaultdict[tuple[str, str], list[Declared]] = defaultdict(list)
    for one in everyone:
        places[one.place].append(one)
    return places


Unready = tuple[int, tuple[str, ...]] | None


def _first_unready(members: list[Declared], rank: Callable[[Declared], int | None], ready: Ready) -> Unready:
    """The lowest rank where somebody is not ready, with their names; those without a rank hold up nobody."""
    unready: defaultdict[int, list[str]] = defaultdict(list)
    for one in members:
        place = rank(one)
        if place is not None and not ready(one.outlook):
            unready[place].append(one.name)
    if not unready:
        return None
    first = min(unready)
    return first, tuple(sorted(unready[first]))


def _behind(one: Declared, rank: int | None, unready: Unready, what: str) -> Status | None:
    if rank is None or unready is None or rank <= unready[0]:
        return None
    return Status(one.name, State.BLOCKED, f"waits for {what}", blocked_by=unready[1])


def _dependent(one: Declared, by_name: Mapping[str, Declared]) -> Status | None:
    unmet = []
    for dependency in one.item.spec.depends_on:
        other = by_name.get(dependency.name)
        if other is None:
            reason = f"depends on {dependency.name}, which no config declares"
            return Status(one.name, State.BLOCKED, reason, blocked_by=(dependency.name,))
        if not _meets(dependency, other):
            unmet.append(dependency)
    if not unmet:
        return None
    wanted = ", ".join(f"{dependency.name} to be {dependency.condition}" for dependency in unmet)
    return Status(one.name, State.BLOCKED, f"waits for {wanted}", blocked_by=tuple(d.name for d in unmet))


def _meets(dependency: Dependency, other: Declared) -> bool:
    outlook = other.outlook
    if other.item.spec.kind is not Kind.CONTAINER:
        return outlook.completed
    match dependency.condition:
        case "healthy":
            return outlook.healthy or outlook.completed
        case "completed":
            return outlook.completed
        case _:
            return outlook.started


def _cycles(everyone: list[Declared]) -> dict[str, Status]:
    """Exactly the members of each cycle, each told a shortest one. Steps and start orders are edges as well.

    They alone cannot make a cycle, so each one has a declared dependency in it, and is looked for from there.
    """
    if not any(one.item.spec.depends_on for one in everyone):
        return {}
    graph = _reversed(_without_starts(_reversed(_without_starts(_graph(everyone)))))
    found: dict[str, Status] = {}
    for one in sorted((one for one in everyone if one.name in graph), key=lambda one: one.name):
        for dependency in one.item.spec.depends_on:
            way = _way(graph, dependency.name, one.name)
            members = [node for node in way if isinstance(node, str)]
            for place, name in enumerate(members):
                chain = " → ".join((*members[place:], *members[:place], name))
                found.setdefault(name, Status(name, State.FAILED, f"depends on itself: {chain}"))
    return found


def _without_starts(graph: Mapping[Node, set[Node]]) -> dict[Node, set[Node]]:
    """Leave out all that stands behind no cycle."""
    sorter = TopologicalSorter(graph)
    with suppress(CycleError):
        sorter.prepare()  # it goes on as far as the cycles let it
    free: set[Node] = set()
    while sorter.is_active():
        ready = sorter.get_ready()
        free.update(ready)
        sorter.done(*ready)
    return {node: needs - free for node, needs in graph.items() if node not in free}


def _reversed(graph: Mapping[Node, set[Node]]) -> dict[Node, set[Node]]:
    turned: dict[Node, set[Node]] = {node: set() for node in graph}
    for node, needs in graph.items():
        for need in needs:
            turned[need].add(node)
    return turned


def _way(graph: Mapping[Node, set[Node]], start: Node, end: Node) -> list[Node]:
    """Return a shortest way from *start* to *end*, the same one each time; empty where there is none."""
    came_from: dict[Node, Node | None] = {start: None}
    queue = deque([start])
    while queue and end not in came_from:
        node = queue.popleft()
        for following in sorted(graph.get(node, ()), key=repr):
            if following not in came_from:
                came_from[following] = node
                queue.append(following)
    way: list[Node] = []
    back = end if end in came_from else None
    while back is not None:
        way.append(back)
        back = came_from[back]
    return way[::-1]


def _graph(everyone: list[Declared]) -> dict[Node, set[Node]]:
    """Each node with what comes before it; a barrier for each step and start order keeps it linear in the items."""
    graph: dict[Node, set[Node]] = {}
    stages = {one.name: _stages(one) for one in everyone}
    chains: defaultdict[Chain, set[int]] = defaultdict(set)
    for places in stages.values():
        for chain, rank in places:
            chains[chain].add(rank)
    before = {}
    for chain, ranks in chains.items():
        previous: int | None = None
        for rank in sorted(ranks):
            before[chain, rank] = previous
            graph[chain, rank] = set() if previous is None else {(chain, previous)}
            previous = rank
    for one in everyone:
        needs = graph.setdefault(one.name, set())
        needs |= {dependency.name for dependency in one.item.spec.depends_on}
        for chain, rank in stages[one.name]:
            graph[chain, rank].add(one.name)
            previous = before[chain, rank]
            if previous is not None:
                needs.add((chain, previous))
    return graph


def _stages(one: Declared) -> list[tuple[Chain, int]]:
    stages: list[tuple[Chain, int]] = [(one.place, one.item.spec.start_order)]
    if one.item.step is not None:
        stages.append(((), one.item.step))
    return stages
