"""A real node role of TripleO, from nothing: all its steps in order, with stub images under the real names."""

import json
import time

from tests.bench.contenders.ours import Ours
from tests.bench.contenders.paunch import Paunch
from tests.bench.figures import OURS, PAUNCH, Beside, Row
from tests.bench.ground import Ground, say
from tests.bench.harness import alone
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
    for _ in range(ground.often(ROUNDS)):
        with shared_root(ground.place("root")) as root:
            root.prepare(wanted)
            steps = root.rewrite_steps(wanted.steps(), runnable=True)
            _ours(ground, steps, book)
        if Paunch.is_here():
            with shared_root(ground.place("root")) as root:
                root.prepare(wanted)
                _paunch(ground, root.rewrite_steps(wanted.steps(), runnable=True), book)


def _ours(ground: Ground, steps: Steps, book: Book) -> None:
    names = {name for definitions in steps.values() for name in definitions}
    ours = Ours(ground)
    with alone(ours):
        say(f" {ours.name} brings up {len(names)} names in {len(steps)} steps")
        began = time.perf_counter()
        write_desired(ours.node.desired, steps)
        while not _is_up(ours, names):
            time.sleep(POLL_SECONDS)
        book.add("role", OURS, time.perf_counter() - began)


def _is_up(ours: Ours, names: set[str]) -> bool:
    """Every task and exec has succeeded, and every container runs."""
    rows = ours.node.get("/v1/containers")["containers"]
    there = {row["name"] for row in rows if row["state"] in (THERE if row["kind"] == "container" else ("succeeded",))}
    failed = {row["name"]: row["reason"] for row in rows if row["state"] == "failed"}
    assert not failed, failed
    return there == names


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
