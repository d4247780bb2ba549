"""The desired directory as a snapshot: layouts, generations, and judging it without a daemon."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from paunchd.source import check
from tests.unit.desired import DB, WEB

# --- layouts ----------------------------------------------------------------------------------------------------------


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


# --- generation -------------------------------------------------------------------------------------------------------


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


def test_a_change_of_one_file_leaves_the_items_of_the_others_as_they_are(node, monkeypatch):
    """A node has hundreds, and one of them changes: no hash but that one's is made anew."""
    node.write("web.yaml", WEB)
    node.write("db.yaml", DB)
    before = node.load()
    hashed = []
    monkeypatch.setattr("paunchd.source_claims.config_hash", lambda spec: hashed.append(spec.image) or "v1:new")
    node.write("web.yaml", "web: {image: other}")
    after = node.load()
    assert (after.items["web"].hash, hashed) == ("v1:new", ["other"])
    assert after.items["db"] is before.items["db"]


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


# --- check ------------------------------------------------------------------------------------------------------------


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
