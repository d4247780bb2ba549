"""A file that somebody is still writing is not taken for what it will be."""

import pytest

from paunchd.reconcile.model import Item
from paunchd.source import Source

WHOLE = "web: {image: stub:1}\ndb: {image: stub:1}\n"


class Memory:
    def device(self):
        return 0

    def save_device(self, device):
        pass

    def definitions(self):
        return {}

    def save_definitions(self, items):
        self.items: dict[str, Item] = items


@pytest.fixture
def place(tmp_path):
    place = tmp_path / "node.yaml"
    place.write_text(WHOLE)
    place.chmod(0o600)
    return place


@pytest.fixture
def source(place):
    source = Source(place.parent, Memory())
    source.load()
    return source


@pytest.mark.parametrize("so_far", ["", "web: {image: stub:2}\n", WHOLE])
def test_a_file_open_for_writing_keeps_its_containers_as_last_understood(source, place, so_far):
    """Its beginning may well be valid and have fewer containers, or none; no name goes for that (S-12)."""
    before = source.load().items
    with place.open("w") as file:
        file.write(so_far)
        file.flush()
        desired = source.load()
        assert desired.items.keys() == before.keys()
        assert {item.hash for item in desired.items.values()} == {item.hash for item in before.values()}
        assert "somebody is still writing the file" in str(desired.configs["node"].faults[0])


def test_a_file_is_taken_as_it_is_once_it_is_closed(source, place):
    """What was written is then one change, and an emptied file means no containers (T-094)."""
    with place.open("w") as file:
        file.write("web: {image: stub:2}\n")
        file.flush()
        source.load()
    assert source.load().items.keys() == {"web"}
    place.write_text("")
    assert source.load().items == {}


def test_a_file_that_is_only_held_open_is_what_it_was(source, place):
    """Who opens a file and writes nothing changes nothing."""
    before = source.load()
    with place.open("a"):
        assert source.load().items.keys() == before.items.keys()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_that_an_editor_swaps_never_goes(source, place, restarted):
    """It moves the old one away before it writes the new one; in between nothing is undeclared, not even to a daemon
    that has just begun (S-12).
    """
    backup = place.with_name("node.yaml~")

    def the_editor_goes_on(_):
        backup.rename(place)

    memory = Memory()
    source = Source(place.parent, memory, pause=the_editor_goes_on)
    before = source.load().items
    if restarted:
        memory.definitions = lambda: memory.items
        source = Source(place.parent, memory, pause=the_editor_goes_on)
    place.rename(backup)
    assert source.load().items.keys() == before.keys()


def test_a_file_that_stays_away_is_gone(place):
    """It is waited for once, and for no longer than a moment."""
    pauses = []
    source = Source(place.parent, Memory(), pause=pauses.append)
    source.load()
    place.unlink()
    assert source.load().items == {}
    assert source.load().items == {}
    assert len(pauses) == 1
