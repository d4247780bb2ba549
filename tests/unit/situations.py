"""Generated facts: whatever a node may have come to, most of it absurd."""

from dataclasses import replace
from math import prod

from hypothesis import strategies as st

from paunchd.reconcile.model import (
    Attempt,
    Config,
    ContainerState,
    Desired,
    Facts,
    Fault,
    Health,
    History,
    Item,
    Observed,
    Past,
    Probe,
    Result,
    Revision,
    Seen,
    Trial,
)
from paunchd.reconcile.project import place
from paunchd.spec import Limits
from tests.unit.places import NOW, container, spec

NAMES = ("aa", "bb", "cc")
HASHES = ("v1:1", "v1:2", "v1:3")
PLACES = ("", ".next", ".prev", "-stray")
KEYS = (*HASHES, "v1:1@v1:1", "v1:1@v1:2")
TIMES = (NOW - 1000.0, NOW - 300.0, NOW - 2.0, NOW - 1.0, NOW)

SPECS = (
    spec(),
    spec(restart="no", mem_limit="64m"),
    spec(restart="on-failure:2", healthcheck={"test": "true"}, volumes=["/srv:/srv"]),
    spec(pull="always", rollout={"max_restarts": 0, "probation_seconds": 0, "min_healthy_seconds": 0}),
    spec(start_order=1, pull="never"),
    spec(pull="never", rollout={"strategy": "start-first", "group": "both"}),
    spec(on_unhealthy="restart", rollout={"group": "both"}),
    spec(depends_on={"aa": "healthy", "bb": "completed"}),
    spec(depends_on=["cc", "ghost"]),
    spec(detach=False, restart="no"),
    spec(detach=False, restart="no", remove=True, retries=2, timeout_seconds=60, exit_codes=[0, 2]),
    spec(action="exec", image="", command=["aa", "true"]),
    spec(action="exec", image="", command=["bb", "true"], retries=1),
    spec(action="exec", image="", command=["ghost", "true"], depends_on=["aa"]),
)


def mixed(build, **choices):
    """*build* called with one of each of *choices*; a single number picks them all, which is quick to draw."""

    def pick(number):
        fields = {}
        for key, values in choices.items():
            number, place = divmod(number, len(values))
            fields[key] = values[place]
        return build(**fields)

    return st.integers(0, prod(map(len, choices.values())) - 1).map(pick)


def items(name):
    return mixed(
        lambda **fields: Item(name, **fields),
        config_id=["one", "two"],
        step=[None, 1, 2],
        spec=SPECS,
        hash=HASHES,
        kept_because=["", "", "its file is broken"],
    )


def containers(name, engine_name):
    return mixed(
        lambda **fields: container(engine_name, name=name, **fields),
        hash_=[*HASHES, ""],
        state=list(ContainerState),
        health=list(Health),
        exit_code=[0, 0, 1, 137, 143],
        restart=["no", "always", "on-failure:2"],
        actual_restart=["no", "always", "on-failure:2"],
        restart_count=[0, 3, 9],
        oom_killed=[False, False, False, True],
        limits=[Limits(), Limits(memory=64 << 20), Limits(memory=1)],
        config_id=["one", "two", "gone"],
        kind=["container", "task"],
    )


@st.composite
def looks(draw, name):
    """Each of a name's places is empty, ours or taken by a foreign container."""
    seen, foreign = Seen(), []
    whose = draw(mixed(lambda **places: places, **{place: ["", "ours", "", "ours", "foreign"] for place in PLACES}))
    for suffix, who in whose.items():
        if who == "ours":
            seen = place(seen, draw(containers(name, name + suffix)))
        if who == "foreign" and suffix != "-stray":
            foreign.append(name + suffix)
    return replace(seen, foreign=tuple(foreign))


def trials_of(name):
    return mixed(
        Trial,
        container_id=[f"id-{name}", f"id-{name}", "id-of-another"],
        since=TIMES,
        steady_since=TIMES,
        started_at=["t0", "t1"],
        restart_count=[0, 3],
        restarts=[0, 6],
        healthy_at=[None, *TIMES],
    )


def attempts():
    return mixed(
        lambda **fields: Attempt(failures=2, at=NOW - 3, error="cannot do it", **fields),
        hash=[*KEYS, ""],
        next_at=[NOW - 1, NOW, NOW + 5],
        refused=[False, True],
    )


def updates():
    return mixed(
        lambda **fields: Attempt(failures=2, at=NOW - 3, error="cannot do it", **fields),
        hash=["memory=67108864", "restart=no", "memory=1"],
        next_at=[NOW - 1, NOW, NOW + 5],
        refused=[False, True],
    )


def results(name):
    return mixed(
        lambda **fields: Result(exit_code=1, **fields),
        succeeded=[False, True],
        attempts=[0, 1, 2, 3],
        container_id=[f"id-{name}", "id-of-another"],
    )


@st.composite
def pasts(draw, name):
    past = mixed(
        Past,
        known=[False, True],
        rank=[(0, 0), (1, 0), (1, 1)],
        good=[None, *(Revision(revision, known) for revision in HASHES for known in (None, *SPECS[:4]))],
        rejected=[dict.fromkeys(HASHES[:many], "it failed") for many in range(4)],
        hold=[False, False, False, True],
    )
    return replace(
        draw(past),
        results=draw(st.dictionaries(st.sampled_from(KEYS), results(name), max_size=3)),
        attempt=draw(st.none() | attempts()),
        update=draw(st.none() | updates()),
        trial=draw(st.none() | trials_of(name)),
    )


def some(draw, strategy_of):
    """A dict that has a drawn value for each of some names."""
    return {name: draw(strategy_of(name)) for name in draw(st.sets(st.sampled_from(NAMES)))}


@st.composite
def any_facts(draw):
    declared = some(draw, items)
    undeclared = [name for name in NAMES if name not in declared]
    broken = {"gone": Config("gone", "d", faults=(Fault("gone.yaml", "a tab"),))}
    probes = {f"id-{name}": Probe(draw(st.booleans())) for name in NAMES}
    return Facts(
        desired=Desired(
            generation=1,
            items=declared,
            configs=draw(st.sampled_from([{}, {}, broken])),
            protected=dict.fromkeys(draw(st.sets(st.sampled_from(undeclared))), "claimed twice") if undeclared else {},
            degraded=draw(st.sampled_from(["", "", "", "cannot read it"])),
        ),
        observed=Observed(some(draw, looks), probes),
        history=History(some(draw, pasts), frozenset(draw(st.sets(st.sampled_from(NAMES))))),
        in_flight=frozenset(draw(st.sets(st.sampled_from(NAMES), max_size=1))),
        now=NOW,
    )
