"""Whose turn it is: steps, start orders and dependencies (behaviour, section 5).

Pure. Only what brings something new asks for its turn; ``order`` says who must wait, and for whom. A failure blocks
what comes after it and nothing else (T-111).
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from paunchd.reconcile.model import Item, State, Status
from paunchd.reconcile.outlook import Outlook
from paunchd.spec import Dependency, Kind

Ready = Callable[[Outlook], bool]


@dataclass(frozen=True, slots=True)
class Declared:
    """An item beside its outlook."""

    item: Item
    outlook: Outlook

    @property
    def name(self) -> str:
        return self.item.name


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
        config_id: _first_unready(members, lambda one: one.item.spec.start_order, _started)
        for config_id, members in _by_config(everyone).items()
    }
    statuses = {}
    for one in waiting:
        status = (
            cycles.get(one.name)
            or _behind(one, one.item.step, steps, "an earlier step")
            or _behind(one, one.item.spec.start_order, orders[one.item.config_id], "an earlier start_order")
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


def _by_config(everyone: list[Declared]) -> Mapping[str, list[Declared]]:
    configs: defaultdict[str, list[Declared]] = defaultdict(list)
    for one in everyone:
        configs[one.item.config_id].append(one)
    return configs


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
    """Exactly the members of each cycle, each told its cycle. Steps and start orders are edges as well."""
    if not any(one.item.spec.depends_on for one in everyone):
        return {}
    graph = _graph(everyone)
    found: dict[str, Status] = {}
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            nodes = error.args[1]
            members = [node for node in nodes if isinstance(node, str)]
            chain = " → ".join(reversed(members))
            for name in set(members):
                found[name] = Status(name, State.FAILED, f"depends on itself: {chain}")
                graph[name] = set()
        else:
            return found


def _graph(everyone: list[Declared]) -> dict[Hashable, set[Hashable]]:
    """Each node with what comes before it; a barrier for each step and start order keeps it linear in the items."""
    graph: dict[Hashable, set[Hashable]] = {}
    stages = {one.name: _stages(one) for one in everyone}
    chains: defaultdict[Hashable, set[int]] = defaultdict(set)
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


def _stages(one: Declared) -> list[tuple[Hashable, int]]:
    stages: list[tuple[Hashable, int]] = [(("order", one.item.config_id), one.item.spec.start_order)]
    if one.item.step is not None:
        stages.append((("step",), one.item.step))
    return stages
