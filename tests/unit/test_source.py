"""The desired directory as a snapshot: layouts, safety, broken files, conflicts, memory."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from paunchd.errors import StoreError
from paunchd.source import Rules, Source, check

WEB = "web: {image: x}\n"
DB = "db: {image: y}\n"


class Notebook:
    """A memory in memory, counting what is written."""

    def __init__(self, items=()):
        self.items = dict(items)
        self.saves = 0
        self.full = False

    def definitions(self):
        return dict(self.items)

    def save_definitions(self, items):
        if self.full:
            raise StoreError("cannot write the store: disk full")
        self.items = dict(items)
        self.saves += 1


class Node:
    """A desired directory and the source that reads it."""

    def __init__(self, directory):
        self.directory = directory
        self.memory = Notebook()
        self.source = Source(directory, self.memory)

    def write(self, path, content, mode=0o644):
        file = self.directory / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        file.chmod(mode)
        return file

    def load(self):
        return self.source.load()

    def names(self):
        return sorted(self.load().items)

    def restarted(self):
        """The daemon comes back with the store it had."""
        self.source = Source(self.directory, self.memory)
        return self

    def faults(self, config_id):
        return " | ".join(str(fault) for fault in self.load().configs[config_id].faults)


@pytest.fixture
def node(tmp_path):
    directory = tmp_path / "desired"
    directory.mkdir()
    return Node(directory)


# --- layouts -------------------------------------------------------------------------------------------------------


def test_t095_every_layout_has_its_config(node):
    """One file of many, TripleO's two layouts and any other directory load side by side (T-095)."""
    node.write("site.yaml", WEB)
    node.write("other.yml", "other: {image: x}")
    node.write("more.json", {"more": {"image": "x"}})
    node.write("docker-container-startup-config-step_1.json", {"one": {"image": "x"}})
    node.write("hashed-container-startup-config-step_2.json", {"two": {"image": "x"}})
    node.write("step_3/hashed-three.json", {"image": "x"})
    node.write("step_3/four.json", {"image": "x"})
    node.write("edge/five.json", {"image": "x"})
    found = {name: (item.config_id, item.step) for name, item in node.load().items.items()}
    assert found == {
        "web": ("site", None),
        "other": ("other", None),
        "more": ("more", None),
        "one": ("tripleo_step1", 1),
        "two": ("tripleo_step2", 2),
        "three": ("tripleo_step3", 3),
        "four": ("tripleo_step3", 3),
        "five": ("edge", None),
    }


def test_t087_the_hashed_twin_counts(node):
    """Where a plain and a hashed file exist, only the hashed one is read, so one change is one restart (T-087)."""
    node.write("step_1/aa.json", {"image": "plain"})
    node.write("step_1/hashed-aa.json", {"image": "hashed"})
    node.write("container-startup-config-step_2.json", {"bb": {"image": "plain"}})
    node.write("hashed-container-startup-config-step_2.json", {"bb": {"image": "hashed"}})
    first = node.load()
    assert {name: item.spec.image for name, item in first.items.items()} == {"aa": "hashed", "bb": "hashed"}
    node.write("step_1/aa.json", {"image": "rewritten"})
    assert node.load() is first


def test_a_hashed_name_is_only_special_in_tripleos_places(node):
    """In a file of many definitions `hashed-` is part of a name like any other."""
    node.write("hashed-site.json", {"web": {"image": "x"}})
    assert node.load().items["web"].config_id == "hashed-site"


@pytest.mark.parametrize(
    "name",
    [".site.yaml", "site.yaml~", ".site.yaml.swp", "site.yaml.tmp", "site.yaml.bak", "site.yaml.rpmsave", "README"],
)
def test_s13_what_editors_and_packagers_leave_is_ignored(node, name):
    """Backups, swap files and other extensions declare nothing and break nothing (S-13)."""
    node.write(name, "not: [yaml")
    assert (node.names(), dict(node.load().configs)) == ([], {})


def test_deeper_directories_are_ignored(node):
    """Only one level of directories counts."""
    (node.directory / "a").mkdir()
    node.write("a/b", "x")
    (node.directory / "a" / "c").mkdir()
    (node.directory / "a" / "c" / "d.json").write_text('{"image": "x"}')
    assert node.names() == []


def test_the_header_names_config_and_step(node):
    """Two files may belong to one config; its digest covers both."""
    one = node.write("one.yaml", "x-paunchd: {config_id: both, step: 4}\n" + WEB)
    two = node.write("two.yaml", "x-paunchd: {config_id: both, step: 4}\n" + DB)
    found = node.load()
    assert {item.config_id for item in found.items.values()} == {"both"}
    assert {item.step for item in found.items.values()} == {4}
    digests = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in (one, two))
    assert found.configs["both"].digest == hashlib.sha256("\n".join(digests).encode()).hexdigest()
    assert found.configs["both"].names == {"web", "db"}


def test_the_digest_of_a_config_is_its_files(node):
    """`paunchctl wait` compares the digest with sha256 of the bytes it wrote."""
    file = node.write("site.yaml", WEB)
    assert node.load().configs["site"].digest == hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_text("web: [")
    assert node.load().configs["site"].digest == hashlib.sha256(b"web: [").hexdigest()


# --- generation ----------------------------------------------------------------------------------------------------


def test_the_generation_grows_with_the_content_only(node):
    """An unchanged directory is the same snapshot; touching a file or rewriting it alike changes nothing."""
    file = node.write("site.yaml", WEB)
    first = node.load()
    assert first.generation == 1
    assert node.load() is first
    file.touch()
    file.write_text(WEB)
    assert node.load().generation == 1
    file.write_text(WEB + DB)
    assert node.load().generation == 2
    file.unlink()
    assert (node.load().generation, node.names()) == (3, [])


def test_a_change_of_the_same_size_in_the_same_tick_is_seen(node):
    """A file system's clock is coarse; a young file is read again."""
    file = node.write("site.yaml", "web: {image: a}")
    assert node.load().items["web"].spec.image == "a"
    for image in "bcdefgh":
        before = file.stat()
        file.write_text(f"web: {{image: {image}}}")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert node.load().items["web"].spec.image == image


def test_only_what_may_have_changed_is_read_again(node, monkeypatch):
    """A pass over an unchanged directory opens no file."""
    node.write("site.yaml", WEB)
    node.load()
    time.sleep(0.12)
    node.load()
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("a file was opened"))
    assert node.names() == ["web"]


def test_memory_is_written_only_when_it_changes(node):
    """Passes without a change do not wear the store."""
    node.write("site.yaml", WEB)
    for _ in range(3):
        node.load()
    assert node.memory.saves == 1
    node.restarted().load()
    assert node.memory.saves == 1


def test_a_full_store_is_tried_again(node):
    """Memory that could not be written is written at a later pass, and reading goes on."""
    node.write("site.yaml", WEB)
    node.memory.full = True
    assert node.names() == ["web"]
    node.memory.full = False
    assert node.names() == ["web"]
    assert list(node.memory.items) == ["web"]


# --- broken is not absent ------------------------------------------------------------------------------------------


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


# --- safety --------------------------------------------------------------------------------------------------------


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


# --- conflicts -----------------------------------------------------------------------------------------------------


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


# --- degraded ------------------------------------------------------------------------------------------------------


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


def test_a_step_that_cannot_be_listed_is_broken(node, monkeypatch):
    """A directory of which nothing can be told keeps its containers."""
    node.write("step_1/web.json", {"image": "x"})
    node.load()
    listed = Path.iterdir

    def refuse(path):
        if path.name == "step_1":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = node.load()
    assert (list(found.items), found.broken_configs) == (["web"], {"tripleo_step1"})


# --- check ---------------------------------------------------------------------------------------------------------


def test_check_judges_a_file_without_a_daemon(node):
    """A bad file is named with its place; owner and mode are only warnings."""
    file = node.write("site.yaml", "web: {image: x, prigileged: true}", 0o666)
    [found] = check(file)
    assert str(found.faults[0]).startswith(f"{file}:1:17 at web.prigileged: unknown key")
    assert "lets others write" in str(found.warnings[0])
    assert found.config_id == "site"


def test_check_knows_the_layouts(node):
    """A single file of a step, a step and the whole directory are judged as the daemon would."""
    file = node.write("step_1/hashed-web.json", {"image": "x", "config_volume": "a"})
    node.write("edge/db.json", {"image": "x"})
    for path in (file, file.parent, node.directory / "edge" / "db.json", node.directory):
        assert not any(config.faults for config in check(path))
    assert [config.config_id for config in check(node.directory)] == ["edge", "tripleo_step1"]


def test_check_sees_conflicts(node):
    """A directory is judged as a whole."""
    node.write("one.yaml", WEB)
    node.write("two.yaml", WEB)
    assert all("as well" in str(config.faults[0]) for config in check(node.directory))


def test_check_of_nothing_is_an_error(node):
    """A path that is not there is the caller's mistake."""
    with pytest.raises(FileNotFoundError):
        check(node.directory / "nope.yaml")


def test_the_example_node_is_sound():
    """What the documentation shows passes `check` without a word."""
    example = Path(__file__).parents[2] / "conf" / "examples" / "node"
    found = check(example)
    assert [config.config_id for config in found] == [f"demo_step{step}" for step in range(1, 6)]
    assert not [fault for config in found for fault in (*config.faults, *config.warnings)]
