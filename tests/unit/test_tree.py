"""Files as they are read: by content and mode, never by time, and never taken for what they are not."""

import os

import pytest

from paunchd.files.tree import Bounds, Moving, Tree, Unreadable

BOUNDS = Bounds(files=50, file_bytes=1000)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "nova").mkdir()
    (tmp_path / "nova" / "nova.conf").write_text("debug=1\n")
    return tmp_path


def digests(path, tree=None):
    tree = tree or Tree(BOUNDS)
    return {entry.path.removeprefix(f"{path}/"): tree.digest(entry) for entry in tree.entries(str(path))}


def test_t081_touching_changes_nothing(root):
    """Other times alone are no change (T-081)."""
    before = digests(root)
    os.utime(root / "nova" / "nova.conf", (1, 1))
    assert digests(root) == before


def test_content_put_there_behind_an_old_time_is_seen(root):
    """The same size and the same modification time hide nothing."""
    tree, file = Tree(BOUNDS), root / "nova" / "nova.conf"
    before, times = digests(root, tree), file.stat()
    file.write_text("debug=0\n")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert digests(root, tree) != before


def test_what_has_not_changed_is_not_read_again(root, monkeypatch):
    """An unchanged file costs a look at its status; one of just now is read again, for its clock may hide a change."""
    tree = Tree(BOUNDS, wall=lambda: (root / "nova" / "nova.conf").stat().st_ctime + 100)
    before = digests(root, tree)
    young = Tree(BOUNDS)
    digests(root, young)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was read again"))
    assert digests(root, tree) == before
    with pytest.raises(pytest.fail.Exception):
        digests(root, young)


def test_t082_the_date_that_puppet_writes_changes_nothing(root):
    """Comment lines with HEADER are left out, other comments are not (T-082)."""
    file = root / "nova" / "nova.conf"
    file.write_text("# HEADER: by puppet at one\ndebug=1\n")
    one = digests(root)
    file.write_text("# HEADER: by puppet at two\ndebug=1\n")
    assert digests(root) == one
    file.write_text("# HEADER: by puppet at two\ndebug=1\n# note\n")
    assert digests(root) != one


@pytest.mark.parametrize("change", ["mode", "name", "content", "more", "less", "dot-file"])
def test_t088_t090_every_other_change_counts(root, change):
    """Mode, name, content, a new file, a removed one, one that begins with a dot (T-088, T-090)."""
    file = root / "nova" / "nova.conf"
    (root / "nova" / "other.conf").write_text("x")
    before = digests(root)
    match change:
        case "mode":
            file.chmod(0o600)
        case "name":
            file.rename(root / "nova" / "renamed.conf")
        case "content":
            file.write_text("debug=2\n")
        case "more":
            (root / "nova" / "more.conf").write_text("")
        case "less":
            (root / "nova" / "other.conf").unlink()
        case "dot-file":
            (root / "nova" / ".hidden").write_text("x")
    assert digests(root) != before


def test_a_link_counts_by_where_it_leads_and_is_not_followed(root, tmp_path):
    """A container sees it from inside, where it may lead elsewhere; what is in the same place is read there."""
    link = root / "nova" / "link.conf"
    link.symlink_to("nova.conf")
    before = digests(root)
    assert before["nova/link.conf"].startswith("link:")
    link.unlink()
    link.symlink_to("/nowhere")
    assert digests(root) != before
    (root / "round").symlink_to(root)
    assert set(digests(root)) == {"nova/nova.conf", "nova/link.conf", "round"}


def test_a_mount_through_a_link_is_read_where_it_leads(root):
    """The engine mounts what the link leads to: both that and where it leads count."""
    link = root / "current"
    link.symlink_to(root / "nova")
    before = digests(link)
    assert len(before) == 2
    (root / "nova" / "nova.conf").write_text("debug=3\n")
    changed = digests(link)
    assert changed != before
    (root / "nova").rename(root / "nova2")
    link.unlink()
    link.symlink_to(root / "nova2")
    assert digests(link) != changed


def test_t089_a_single_file_that_is_replaced_is_seen(root):
    """Renamed into place, as editors do it (T-089)."""
    file = root / "nova" / "nova.conf"
    before = digests(file)
    (root / "new").write_text("debug=7\n")
    (root / "new").rename(file)
    assert digests(file) != before


def test_what_is_no_file_is_left_out_and_never_opened(root):
    """A pipe that nobody writes to would be waited for for ever."""
    os.mkfifo(root / "nova" / "pipe")
    assert set(digests(root)) == {"nova/nova.conf"}


def test_a_source_that_is_not_there_is_no_empty_one(root):
    """Missing is told, and so is a link to nowhere."""
    with pytest.raises(Unreadable, match="gone is not there"):
        digests(root / "gone")
    (root / "dangling").symlink_to("gone")
    with pytest.raises(Unreadable, match="cannot read"):
        digests(root / "dangling")


def test_a_file_that_cannot_be_read_is_told(root, monkeypatch):
    """By its name and the reason; root may read everything, so the refusal is made here."""
    real = os.open

    def refused(path, *arguments):
        if str(path).endswith("nova.conf"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(Unreadable, match=r"cannot read .*/nova/nova.conf: Permission denied"):
        digests(root)


def test_a_file_that_vanishes_or_changes_while_it_is_read_is_still_moving(root):
    """Listed and then gone, or another one: nothing is concluded from that."""
    tree, file = Tree(BOUNDS), root / "nova" / "nova.conf"
    [entry] = tree.entries(str(root))
    file.write_text("longer than it was\n")
    with pytest.raises(Moving):
        tree.digest(entry)
    file.unlink()
    with pytest.raises(Moving):
        tree.digest(entry)
    file.symlink_to("elsewhere")
    with pytest.raises((Moving, Unreadable)):
        tree.digest(entry)


def test_what_is_too_large_or_too_much_is_told(root):
    """Neither is read in part: a part would be taken for the whole."""
    (root / "nova" / "db").write_bytes(b"x" * 1001)
    with pytest.raises(Unreadable, match="db is larger than 1000 bytes; exclude it"):
        digests(root)
    for number in range(1001):
        (root / f"{number}").touch()
    with pytest.raises(Unreadable, match="holds too much"):
        Tree(BOUNDS).entries(str(root))
