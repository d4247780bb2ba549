"""What is wrong on a node, what hurts most first, and what a person does about it.

Pure. The client, the page and the API say the same words because they are these.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from paunchd import readings
from paunchd.reconcile.model import Snapshot, State, Status
from paunchd.wording import closest, count

_ADVICE: Mapping[State, str] = {
    State.PARKED: "even the good revision does not come up: `paunchctl logs {name}`, mend what it needs on the host, "
    "then `paunchctl retry {name}`",
    State.FAILED: "`paunchctl logs {name}`; change its definition, or `paunchctl retry {name}`",
    State.ROLLED_BACK: "the good one runs; `paunchctl show {name}` has what the other said; change the definition, or "
    "`paunchctl retry {name}`",
    State.CONFLICT: "somebody else has the name: rename or remove it (`docker ps --all`, or the second file)",
    State.BROKEN: "it runs on as last understood; mend its file (`paunchctl check`)",
    State.WAITING: "it is tried again by itself; mend what is said, and `paunchctl retry {name}` does not wait",
}
#: What these are comes from elsewhere: what went wrong with the name before has no part in it.
_OF_OTHERS = frozenset({State.CONFLICT, State.BROKEN, State.BLOCKED})
#: By how much they hurt: what waits for something that does not exist stands before what is tried again.
_RANKS: dict[str, int] = {state: rank for rank, state in enumerate([*_ADVICE, State.BLOCKED])}
_RANKS[State.WAITING] = len(_RANKS)


NodeMatter = Literal["engine away", "source degraded", "broken file", "removals held"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """*what* is the state of a name, or a matter of the node.

    *name* is empty where it is nobody's. *bad*: a person is needed, or the node cannot be judged.
    """

    what: State | NodeMatter
    name: str
    cause: str
    advice: str
    last_error: str = ""
    bad: bool = True


def troubles(snapshot: Snapshot) -> list[Trouble]:
    """Return everything that is wrong; empty on a node that is well."""
    return [*_of_the_node(snapshot), *_of_files(snapshot), *_of_names(snapshot), *_of_removals(snapshot)]


def summary(snapshot: Snapshot) -> str:
    """One line for people: what is wrong first."""
    if snapshot.engine != "ok":
        return f"engine away: {snapshot.engine}"
    if snapshot.desired.degraded:
        return f"source degraded: {snapshot.desired.degraded}"
    states = Counter(readings.state_of(snapshot, name) for name in snapshot.plan.statuses)
    files, held = len(readings.broken_files(snapshot)), len(readings.held_removals(snapshot))
    in_vain = sum(1 for status in snapshot.plan.statuses.values() if _missing(snapshot, status))
    wrong = [f"{states[state]} {state.value}" for state in _ADVICE if states[state]]
    wrong += [f"{in_vain} blocked in vain"] if in_vain else []
    wrong += [count(files, "broken file")] if files else []
    wrong += [count(held, "held removal")] if held else []
    total = count(len(snapshot.plan.statuses), "name")
    return ", ".join([*wrong, total, "settled" if snapshot.settled else "not settled"])


def _of_the_node(snapshot: Snapshot) -> Iterator[Trouble]:
    if snapshot.engine != "ok":
        advice = "everything stays as it is until it answers: `systemctl status docker`"
        yield Trouble("engine away", "", snapshot.engine, advice)
    if snapshot.desired.degraded:
        advice = "nothing is changed or removed until it can be read; mount it, or mend what is said"
        yield Trouble("source degraded", "", snapshot.desired.degraded, advice)


def _of_files(snapshot: Snapshot) -> Iterator[Trouble]:
    for config in snapshot.desired.configs.values():
        for fault in config.faults:
            yield Trouble("broken file", "", str(fault), "its containers stay as last understood; mend it")


def _of_names(snapshot: Snapshot) -> list[Trouble]:
    found = [one for name in sorted(snapshot.plan.statuses) if (one := trouble_of(snapshot, name))]
    return sorted(found, key=lambda one: _RANKS[one.what])


def trouble_of(snapshot: Snapshot, name: str) -> Trouble | None:
    """Tell what is wrong with *name* alone, if anything is."""
    status = readings.status_of(snapshot, name)
    missing = _missing(snapshot, status)
    if missing:
        advice = f"declare {', '.join(missing)}{_meant(snapshot, missing[0])}, or take it out of its depends_on"
    elif status.state in _ADVICE:
        advice = _ADVICE[status.state].format(name=name)
        live = snapshot.observed.of(name).live
        if status.state is State.WAITING and live and live.running:
            advice = f"what ran before runs on; {advice}"
    else:
        return None
    error = "" if status.state in _OF_OTHERS else snapshot.history.of(name).last_error
    return Trouble(status.state, name, status.reason, advice, error, bad=status.state is not State.WAITING)


def _meant(snapshot: Snapshot, missing: str) -> str:
    close = closest(missing, snapshot.desired.items)
    return f" (did you mean {close}?)" if close else ""


def _missing(snapshot: Snapshot, status: Status) -> list[str]:
    """Names it waits for that nobody declares: it would wait for ever."""
    if status.state is not State.BLOCKED:
        return []
    return [name for name in status.blocked_by if name not in snapshot.plan.statuses]


def _of_removals(snapshot: Snapshot) -> Iterator[Trouble]:
    held = readings.held_removals(snapshot)
    if held:
        advice = "bring their files back, or `paunchctl confirm-removals`"
        yield Trouble("removals held", "", ", ".join(held), advice)
