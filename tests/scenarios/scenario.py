"""A fault told in steps, each a sentence, and what must hold at every moment of it.

The node reaches its engine through a proxy that can let things go wrong. Beside it stands a container that is nobody's,
and every definition made by ``service`` and ``task`` carries a secret that must not be found anywhere in the end.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from tests.functional import node as plain
from tests.functional.daemon_side import Definition
from tests.functional.engine_side import most_running_at_once
from tests.functional.invariants import acceptances, lost, places_that_tell
from tests.functional.node import Node
from tests.functional.proxy import Proxy

SECRET = "planted-5ecret-f00d"
FOREIGN = "foreign"


def service(**keys: Any) -> Definition:
    """A container that runs on, with a secret in its environment."""
    return plain.service(**{**keys, "environment": {"PASSWORD": SECRET, **keys.get("environment", {})}})


def running_script(script: str, **keys: Any) -> Definition:
    return service(command=["sh", "-c", script], **keys)


def task(script: str, **keys: Any) -> Definition:
    """A container that runs *script* to its end, with a secret in its environment."""
    return plain.task(script, **{**keys, "environment": {"PASSWORD": SECRET, **keys.get("environment", {})}})


class Scenario:
    """*node* is not started yet; *proxy* stands between it and its engine."""

    def __init__(self, node: Node, proxy: Proxy) -> None:
        self.node = node
        self.proxy = proxy
        self.over = False
        self._told: list[str] = []
        self._foreign = node.make_foreign(FOREIGN)
        self.foreign_is_well()
        self._by_hand: set[str] = set()

    def configure(self, **settings: Any) -> None:
        """Change single settings, as a node takes them; its way to the engine stays the proxy."""
        self.node.configure(engine__url=f"unix://{self.proxy.path}", **settings)

    @contextmanager
    def step(self, sentence: str) -> Iterator[Node]:
        """One thing that happens, or that must be so; where it fails, the story up to there is told."""
        self._told.append(sentence)
        try:
            yield self.node
        except Exception as error:
            self.over = True
            story = "\n".join(f"  {number}. {told}" for number, told in enumerate(self._told, start=1))
            error.add_note(f"the story so far:\n{story}   <- here")
            raise

    def foreign_is_well(self) -> None:
        """What is not ours runs as it is to run from now on."""
        self._foreign_since = self.node.started_at(FOREIGN)

    def destroyed_by_hand(self, container_id: str) -> None:
        """*container_id* is removed by the test, not by the daemon."""
        self._by_hand.add(container_id)

    def with_two_files(self) -> Self:
        """Begin with the daemon, and one proven container of each of two files."""
        with self.step("a container of each of two files runs") as node:
            node.start()
            node.write("app", {"web": service()})
            node.write("other", {"db": service()})
            node.proves()
        return self

    def holds(self, *, at_once: int = 1, settled: bool = True) -> None:
        """See that all is over, and that I1 to I6 have held throughout; *at_once* copies of a name may have run.

        *settled*: nothing waits for a person, so that nothing may be planned any more.
        """
        with self.step("in the end a fixed point is reached, and no invariant was ever broken"):
            self._fixed_point(settled=settled)
            self._good_is_succeeded()
            self._never_too_many(at_once)
            self._foreign_is_untouched()
            self._secret_is_kept()
            self._store_is_only_memory()
        self.over = True

    # --- the invariants ---------------------------------------------------------------------------------------------

    def _good_is_succeeded(self) -> None:
        """I1: no container at a good revision was removed while another revision had not been accepted."""
        node = self.node
        declared = {row["name"] for row in node.get("/v1/containers")["containers"] if row["desired_hash"]}
        for name, accepted in acceptances(node.log()).items():
            gone = [one for one in lost(node.happenings(name), accepted) if one.id not in self._by_hand]
            assert not gone or name not in declared, f"I1: the good {node.short(name)} was removed"

    def _never_too_many(self, at_once: int) -> None:
        mine = [one for one in self.node.story.told() if one.name.startswith(self.node.prefix)]
        many = {name: most for name, most in most_running_at_once(mine).items() if most > at_once}
        assert not many, f"I2: too many copies ran at once: {many}"

    def _foreign_is_untouched(self) -> None:
        now = (self.node.id(FOREIGN), self.node.started_at(FOREIGN), self.node.running(FOREIGN))
        assert now == (self._foreign, self._foreign_since, True), "I3: what is not ours was touched"

    def _fixed_point(self, *, settled: bool) -> None:
        """I4: nothing is planned, and two more passes change nothing."""

        def reached() -> bool:
            assert self.node.lanes() == [], self.node.lanes()
            assert not settled or self.node.get("/v1/containers")["settled"], self.node.states()
            return True

        self.node.eventually(reached)
        ids = self.node.ids()
        self.node.passes(2)
        assert reached()
        assert self.node.ids() == ids, "I4: this was no fixed point"

    def _secret_is_kept(self) -> None:
        """I5: neither a log line, nor an answer, nor a metric, nor a label has the planted secret."""
        told = places_that_tell(self.node, SECRET, self.node.log_file.read_text(errors="replace"))
        assert not told, f"I5: a secret was told: {told}"

    def _store_is_only_memory(self) -> None:
        """I6: without its store the next daemon restarts nothing that runs."""
        node = self.node
        before = {name: (node.id(name), node.started_at(name)) for name in node.ps() if node.running(name)}
        node.stop()
        for path in node.state_dir.glob("state.db*"):
            path.unlink()
        node.start()
        node.passes(2)
        after = {name: (node.id(name), node.started_at(name)) for name in before if node.running(name)}
        assert after == before, "I6: losing the store changed what runs"


def within(seconds: float, check: Callable[[], object]) -> None:
    """See that *check* stays true for *seconds*: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert check(), getattr(check, "__name__", repr(check))
        time.sleep(0.05)
