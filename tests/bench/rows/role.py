"""A real node role of TripleO, from nothing: all its steps in order, with stub images under the real names."""

import json
import time
from collections import defaultdict
from functools import partial

from paunchd.source import files_at
from paunchd.spec import ContainerSpec
from tests.bench.contenders.bare import Bare
from tests.bench.contenders.ours import Ours
from tests.bench.contenders.paunch import Paunch
from tests.bench.figures import ENGINE, OURS, PAUNCH, Beside, Row
from tests.bench.ground import Ground, say
from tests.bench.harness import alone, stopwatch
from tests.bench.rows.group import Book, Group
from tests.corpus_node import ABSENT, CORPUS, Steps, build_images, role, shared_root, write_desired

ROUNDS = 2
POLL_SECONDS = 0.1
ROLE = ("queens", "controller")
THERE = frozenset({"starting", "proving", "running", "succeeded"})

ROW = Row("role", "the queens controller role, cold, in order", limits=(Beside(PAUNCH, 1 / 2),))


def measure(ground: Ground, book: Book) -> None:
    if not CORPUS.is_dir():
        book.note(f"The row of the queens controller is missing: {ABSENT}.")
        return
    wanted = role(*ROLE)
    build_images(ground.url, wanted.images())
    bare = Bare(ground)
    contenders = [_ours, partial(_bare, bare), *([_paunch] if Paunch.is_here() else [])]
    for _ in range(ground.often(ROUNDS)):
        for contender in contenders:
            with shared_root(ground.place("root")) as root:
                root.prepare(wanted)
                contender(ground, root.rewrite_steps(wanted.steps(), runnable=True), book)


def _ours(ground: Ground, steps: Steps, book: Book) -> None:
    names = {name for definitions in steps.values() for name in definitions}
    ours = Ours(ground)
    with alone(ours):
        say(f" {ours.name} brings up {len(names)} names in {len(steps)} steps")
        began, at = time.perf_counter(), time.time_ns()
        write_desired(ours.node.desired, steps)
        ours.moments("start", _containers(steps), at)  # the engine tells: asking the daemon all along would slow it
        while not _is_up(ours, names):
            time.sleep(POLL_SECONDS)
        book.add("role", OURS, time.perf_counter() - began)


def _containers(steps: Steps) -> set[str]:
    """Every name but those of a command inside somebody else's container."""
    everyone = [one for definitions in steps.values() for one in definitions.items()]
    return {name for name, definition in everyone if definition.get("action") != "exec"}


def _is_up(ours: Ours, names: set[str]) -> bool:
    """Every task and exec has succeeded, and every container runs."""
    rows = ours.node.get("/v1/containers")["containers"]
    there = {row["name"] for row in rows if row["state"] in (THERE if row["kind"] == "container" else ("succeeded",))}
    failed = {row["name"]: row["reason"] for row in rows if row["state"] == "failed"}
    assert not failed, failed
    return there == names


def _bare(bare: Bare, ground: Ground, steps: Steps, book: Book) -> None:
    """The fewest calls in the same order; nobody looks whether what has been started runs on."""
    place = ground.place("role")
    write_desired(place, steps)
    with alone(bare):
        say(f" {bare.name}, in the same order")
        ranks: defaultdict[tuple[int, int], dict[str, ContainerSpec]] = defaultdict(dict)
        for file in files_at(place):
            for name, spec in file.parsed.definitions.items():
                ranks[file.parsed.step or 0, spec.start_order][name] = spec
        with stopwatch() as taken:
            for _, specs in sorted(ranks.items()):
                bare.run(specs)
        book.add("role", ENGINE, taken[0])


def _paunch(ground: Ground, steps: Steps, book: Book) -> None:
    paunch = Paunch(ground)
    with alone(paunch):
        say(f" {paunch.name}, step by step")
        place = ground.place("role")
        taken = 0.0
        for step, definitions in sorted(steps.items()):
            directory = place / f"step_{step}"
            directory.mkdir()
            for name, definition in definitions.items():
                (directory / f"hashed-{name}.json").write_text(json.dumps(definition))
            taken += paunch.apply_file(directory, f"tripleo_step{step}")
        book.add("role", PAUNCH, taken)


GROUP = Group("role", (ROW,), measure)
