"""When a node that seems to have nothing is not believed (behaviour, section 9)."""

import pytest

from paunchd.reconcile.model import Desired, History, Observed, Past, Seen
from paunchd.reconcile.mount import DOUBT, doubted
from tests.unit.places import container, item, seen

EMPTY = Desired(generation=1, items={})
TWO = Observed({"one": seen(container("one")), "two": seen(container("two"))})
UNKNOWN = History()


def test_an_empty_directory_and_an_empty_store_beside_containers_are_not_believed():
    """Without their mount both look like this, and nothing is removed because of it."""
    believed = doubted(EMPTY, UNKNOWN, TWO)
    assert believed.degraded == DOUBT
    assert (believed.generation, believed.items) == (1, {})


@pytest.mark.parametrize(
    ("desired", "history", "observed"),
    [
        (Desired(generation=1, items={"one": item("one")}), UNKNOWN, TWO),
        (EMPTY, History({"one": Past(), "two": Past(known=True)}), TWO),
        (EMPTY, History(confirmed=frozenset({"one", "two"})), TWO),
        (EMPTY, UNKNOWN, Observed({})),
        (EMPTY, UNKNOWN, Observed({"one": Seen(foreign=("one",))})),
        (Desired(generation=1, items={}, degraded="cannot read it"), UNKNOWN, TWO),
    ],
    ids=["declared", "remembered", "confirmed", "no containers", "foreign ones only", "known to be unreadable"],
)
def test_everything_else_is_taken_as_it_is(desired, history, observed):
    """Something declared, remembered or confirmed, or nothing of ours to lose; and a known trouble keeps its reason."""
    assert doubted(desired, history, observed) is desired


@pytest.mark.parametrize("history", [History({"one": Past()}), History(confirmed=frozenset({"one"}))])
def test_what_says_nothing_of_a_container_does_not_vouch_for_it(history):
    """An empty memory of a name, or a confirmation for another, leaves the doubt."""
    assert doubted(EMPTY, history, TWO).degraded == DOUBT
