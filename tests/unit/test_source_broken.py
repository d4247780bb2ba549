"""What cannot be understood or trusted changes nothing."""

import os

import pytest

from paunchd.source import Rules, Source
from tests.unit.desired import DB, WEB

# --- broken is not absent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
def test_a_broken_file_keeps_what_it_declared(node, restart):
    """Containers of a file that no longer parses stay as last understood, also over a restart; others go on."""
    node.write("site.yaml", WEB)
    node.write("base.yaml", DB)
    before = node.load().items["web"]
    node.write("site.yaml", "web: {image: [")
    node.write("base.yaml", "db: {image: new}")
    if restart:
        node.restarted()
    found = node.load()
    assert found.items["web"].hash == before.hash
    assert found.items["web"].kept_because.startswith("its file is broken: ")
    assert found.items["db"].spec.image == "new"
    assert found.broken_configs == {"site"}


def test_a_repaired_file_counts_at_once(node):
    """What was kept gives way to what is understood again."""
    node.write("site.yaml", WEB)
    node.load()
    node.write("site.yaml", "web: [")
    node.load()
    node.write("site.yaml", "web: {image: z}")
    found = node.load()
    assert (found.items["web"].spec.image, found.items["web"].kept_because) == ("z", "")
    assert (found.broken_configs, found.generation) == (frozenset(), 3)


def test_one_bad_definition_breaks_its_whole_file(node):
    """No half of a file is carried out; everything wrong with it is reported."""
    node.write("site.yaml", WEB + DB)
    node.load()
    node.write("site.yaml", "web: {image: new}\ndb: {image: y, tty: 1}\nfoo: {imag: x}")
    found = node.load()
    assert {name: item.spec.image for name, item in found.items.items()} == {"web": "x", "db": "y"}
    assert len(found.configs["site"].faults) == 3
    assert found.configs["site"].names == {"web", "db", "foo"}


def test_a_file_that_was_never_understood_breaks_its_config(node):
    """Its names are unknown, but its config is known to be broken."""
    node.write("site.yaml", "web: [")
    found = node.load()
    assert (dict(found.items), found.broken_configs) == ({}, {"site"})


def test_a_broken_file_stays_with_the_config_its_header_gave(node):
    """The header of a broken file cannot be read; the config it had is still meant."""
    node.write("site.yaml", "x-paunchd: {config_id: c}\n" + WEB)
    node.load()
    node.write("site.yaml", "x-paunchd: {config_id: c}\nweb: [")
    found = node.restarted().load()
    assert found.broken_configs == {"c"}
    assert found.items["web"].config_id == "c"


def test_a_broken_twin_keeps_what_the_plain_file_declared(node):
    """The hashed file that appears broken stands for the same container."""
    node.write("step_1/web.json", {"image": "x"})
    node.load()
    node.write("step_1/hashed-web.json", "{")
    assert node.load().items["web"].spec.image == "x"


def test_a_deleted_file_is_absent(node):
    """Unlike a broken one, a file that is gone declares nothing, and memory forgets it."""
    file = node.write("site.yaml", WEB)
    node.load()
    file.unlink()
    assert node.names() == []
    assert node.memory.items == {}


def test_t094_an_emptied_file_declares_nothing(node):
    """An empty file is understood: no containers (T-094)."""
    node.write("site.yaml", WEB)
    node.load()
    node.write("site.yaml", "")
    found = node.load()
    assert (dict(found.items), found.broken_configs, list(found.configs)) == ({}, frozenset(), ["site"])


# --- safety -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_others_can_write_is_broken(node, mode):
    """Who can write a definition can run anything as root."""
    node.write("site.yaml", WEB, mode)
    assert "lets others write the file" in node.faults("site")
    assert node.names() == []
    (node.directory / "site.yaml").chmod(0o600)
    assert node.names() == ["web"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_broken(node):
    """Only root and the daemon's own user declare containers."""
    os.chown(node.write("site.yaml", WEB), 12345, -1)
    assert "belongs to uid 12345" in node.faults("site")


def test_a_link_that_leaves_the_directory_is_broken(node, tmp_path):
    """Neither a file nor a directory may be fetched from elsewhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.json").write_text('{"image": "x"}')
    (node.directory / "site.json").symlink_to(outside / "a.json")
    (node.directory / "step_1").symlink_to(outside)
    assert "the link leaves the directory" in node.faults("site")
    assert "the link leaves the directory" in node.faults("tripleo_step1")


def test_a_dangling_link_is_broken(node):
    """A link to nothing is not an absent file."""
    node.write("site.yaml", WEB)
    node.load()
    (node.directory / "site.yaml").unlink()
    (node.directory / "site.yaml").symlink_to("gone.yaml")
    assert "leads nowhere" in node.faults("site")
    assert node.names() == ["web"]


def test_a_kubernetes_switch_is_followed(node):
    """A `..data` link inside the directory may be switched from one version to the next."""
    for version, content in (("..1", WEB), ("..2", "web: {image: new}")):
        node.write(f"{version}/site.yaml", content)
    (node.directory / "..data").symlink_to("..1")
    (node.directory / "site.yaml").symlink_to("..data/site.yaml")
    assert node.load().items["web"].spec.image == "x"
    (node.directory / "..new").symlink_to("..2")
    (node.directory / "..new").rename(node.directory / "..data")
    found = node.load()
    assert (found.items["web"].spec.image, found.generation) == ("new", 2)


def test_what_is_no_regular_file_is_broken(node):
    """A pipe blocks nobody."""
    os.mkfifo(node.directory / "site.yaml")
    assert "no regular file" in node.faults("site")


def test_s13_a_large_file_is_refused(node):
    """More than a megabyte is not read (S-13)."""
    node.write("site.yaml", WEB + "# " + "x" * 5_000_000)
    assert "are more than the 1048576" in node.faults("site")


def test_keys_may_be_lax_everywhere(node):
    """With `strict_keys` off, an unknown key is a warning in every file."""
    node.write("site.yaml", "web: {image: x, imag: y}")
    assert node.names() == []
    node.source = Source(node.directory, node.memory, Rules(strict_keys=False))
    assert node.names() == ["web"]
    assert node.load().configs["site"].warnings
