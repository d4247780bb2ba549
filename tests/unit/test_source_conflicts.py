"""Names claimed twice, and directories that cannot be read."""

import os

import pytest

from tests.unit.desired import DB, WEB

# --- conflicts --------------------------------------------------------------------------------------------------------


def test_t112_a_name_claimed_twice_stays_with_its_owner(node):
    """Both files report the conflict, the running container stays as it is, also after a restart (T-112)."""
    node.write("one.yaml", WEB)
    node.load()
    node.write("one.yaml", "web: {image: changed}")
    node.write("two.yaml", "web: {image: other}\n" + DB)
    for _ in range(2):
        found = node.load()
        assert (found.items["web"].spec.image, found.items["web"].config_id) == ("x", "one")
        assert found.items["web"].kept_because
        assert "two.yaml as well" in node.faults("one")
        assert "one.yaml as well" in node.faults("two")
        assert "db" in found.items
        node.restarted()


def test_t112_a_name_claimed_twice_by_newcomers_is_nobodys(node):
    """Where no config had the name, it is not touched (T-112)."""
    node.write("one.yaml", WEB)
    node.write("two.yaml", WEB)
    found = node.load()
    assert (dict(found.items), list(found.protected)) == ({}, ["web"])
    (node.directory / "one.yaml").unlink()
    assert node.load().items["web"].config_id == "two"


def test_a_name_may_move_to_another_file(node):
    """Once only one file declares it, the name follows."""
    node.write("one.yaml", WEB)
    node.load()
    node.write("two.yaml", WEB)
    node.load()
    (node.directory / "one.yaml").unlink()
    found = node.load()
    assert (found.items["web"].config_id, found.broken_configs) == ("two", frozenset())


def test_a_broken_file_still_claims_its_names(node):
    """Another file cannot take a name over while nobody can tell whether its owner gave it up."""
    node.write("one.yaml", WEB)
    node.load()
    node.write("one.yaml", "web: [")
    node.write("two.yaml", "web: {image: other}")
    found = node.load()
    assert found.items["web"].config_id == "one"
    assert found.broken_configs == {"one", "two"}


# --- degraded ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
def test_a_missing_directory_changes_nothing(node, restart):
    """Everything stays as last understood, and the snapshot says why; its return is no change."""
    node.write("site.yaml", WEB)
    node.load()
    away = node.directory.with_name("away")
    node.directory.rename(away)
    if restart:
        node.restarted()
    found = node.load()
    assert "cannot read" in found.degraded
    assert (found.items["web"].kept_because, found.generation) == (found.degraded, 1)
    away.rename(node.directory)
    back = node.load()
    assert (back.degraded, back.items["web"].kept_because) == ("", "")
    assert back.generation == (2 if restart else 1)


def test_a_directory_that_never_was_is_degraded(node):
    """A first start without the directory declares nothing and says so."""
    node.directory.rmdir()
    found = node.load()
    assert found.degraded
    assert dict(found.items) == {}


def test_a_file_where_the_directory_should_be_is_degraded(node):
    """Whatever keeps the directory from being listed is degraded, not a crash."""
    node.directory.rmdir()
    node.directory.write_text("x")
    assert node.load().degraded


def test_an_unmounted_directory_is_degraded(node, monkeypatch):
    """An empty directory on another file system than before is a mount that is missing."""
    node.write("site.yaml", WEB)
    node.load()
    (node.directory / "site.yaml").unlink()
    node.source._device += 1
    assert "is it mounted?" in node.load().degraded
    assert node.names() == ["web"]


def test_an_unmounted_directory_is_degraded_for_the_next_daemon_as_well(node):
    """What the directory stood on outlives the daemon, which may come up before the mount (S-12)."""
    node.write("site.yaml", WEB)
    node.load()
    (node.directory / "site.yaml").unlink()
    node.memory.stood_on += 1
    assert "is it mounted?" in node.restarted().load().degraded
    assert node.names() == ["web"]
    node.write("none.yaml", "")
    assert not node.load().degraded
    assert node.names() == []


def test_a_directory_that_has_moved_to_another_file_system_is_believed(node):
    """It has files: that the devices have other numbers after a reboot is nobody's doubt."""
    node.write("site.yaml", WEB)
    node.load()
    node.memory.stood_on += 1
    assert not node.restarted().load().degraded
    (node.directory / "site.yaml").unlink()
    assert node.names() == []


def test_a_full_store_does_not_keep_the_directory_from_being_read(node):
    """What cannot be kept is not known after a restart, and that is all."""
    node.memory.full = True
    node.write("site.yaml", WEB)
    assert node.names() == ["web"]


def test_a_store_that_cannot_be_read_makes_the_directory_unbelievable(node):
    """What a broken file was last understood to declare would be taken for undeclared; read again once it can be."""
    node.write("site.yaml", WEB)
    node.load()
    again = node.restarted()
    again.memory.shut = True
    (node.directory / "site.yaml").write_text("web: {")
    assert (list(again.load().items), again.load().degraded) == ([], "cannot open the store")
    again.memory.shut = False
    found = again.load()
    assert (list(found.items), found.degraded) == (["web"], "")


def test_a_step_that_cannot_be_listed_is_broken(node, monkeypatch):
    """A directory of which nothing can be told keeps its containers."""
    node.write("step_1/web.json", {"image": "x"})
    node.load()
    listed = os.listdir

    def refuse(path):
        if str(path).endswith("step_1"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "listdir", refuse)
    found = node.load()
    assert (list(found.items), found.broken_configs) == (["web"], {"tripleo_step1"})
