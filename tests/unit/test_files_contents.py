"""The config files of declared names: found in what they mount, filtered, bounded, and read only when it is due."""

import asyncio
import fnmatch
import os
import threading
from dataclasses import replace

import pytest

from paunchd.files import Contents, contents
from paunchd.reconcile.model import Desired, History, Past, Read
from paunchd.settings import ConfigFilesSettings
from tests.unit.places import item

LONG_AGO = 1_000_000.0


class Host:
    """Two roots on the host, and what is read below them at a time that a test moves on."""

    def __init__(self, directory, **settings):
        self.data, self.kolla = directory / "config-data", directory / "kolla"
        self.data.mkdir()
        self.kolla.mkdir()
        self.now = 1000.0
        self.reads = 0
        self.settings = ConfigFilesSettings(roots=(self.data, self.kolla), quiet_seconds=0, **settings)
        self.history = History()
        self.restart()

    def restart(self):
        self.contents = Contents(self.settings, lambda: self.now)

    def write(self, path, text="x"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def declare(self, **definitions):
        items = {name: item(name, **keys) for name, keys in definitions.items()}
        self.desired = Desired(1, items)

    async def look(self):
        self.now += 1
        return await self.contents.look(self.desired, self.history)

    async def after(self, change, *arguments):
        """What is told after *change*, which the watch has noticed."""
        change(*arguments)
        self.contents.changed()
        return await self.look()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def mounts(*sources, **keys):
    return {"volumes": [f"{source}:/mnt/{number}:ro" for number, source in enumerate(sources)], **keys}


async def test_t085_each_name_has_the_content_of_what_it_mounts(host):
    """A changed file is in the digests of those that mount it, and of nobody else (T-085)."""
    shared, own = host.data / "nova", host.data / "glance"
    host.write(shared / "nova.conf")
    host.write(own / "glance.conf")
    host.declare(api=mounts(shared), scheduler=mounts(shared), glance=mounts(own), plain={})
    before = await host.look()
    assert before.keys() == {"api", "scheduler", "glance"}
    assert before["api"].files.keys() == {"nova/nova.conf"}
    after = await host.after(host.write, shared / "nova.conf", "changed")
    assert {name for name in after if after[name].digest != before[name].digest} == {"api", "scheduler"}


async def test_t124_kolla_files_env_files_and_named_ones_count(host, tmp_path):
    """Kolla's config.json, an env_file, a certificate that is named: a change of each is seen (T-124)."""
    files = [
        host.write(host.kolla / "web.json"),
        host.write(tmp_path / "web.env"),
        host.write(tmp_path / "pki" / "c.pem"),
    ]
    named = {"include": [str(tmp_path / "pki")]}
    host.declare(web=mounts(files[0], env_file=str(files[1]), config_files=named))
    digest = (await host.look())["web"].digest
    for file in files:
        after = (await host.after(host.write, file, "changed"))["web"]
        assert after.digest != digest
        digest = after.digest
    assert after.files.keys() == {"web.json", str(files[1]), str(files[2])}


async def test_t083_what_is_excluded_does_not_count(host):
    """By the end of its path, or of a directory's that it is in, as the definition says (T-083)."""
    root = host.data / "swift"
    for name in ("etc/swift/object.ring.gz", "etc/swift/backups/1", "etc/swift/swift.conf", "etc/libvirt/passwd.db"):
        host.write(root / name)
    host.declare(swift=mounts(root, config_files={"exclude": ["*.ring.gz", "etc/swift/backups", "passwd.db"]}))
    assert (await host.look())["swift"].files.keys() == {"swift/etc/swift/swift.conf"}
    host.declare(swift=mounts(root, config_files={"include": ["*.conf", "*.db"], "exclude": ["libvirt"]}))
    assert (await host.look())["swift"].files.keys() == {"swift/etc/swift/swift.conf"}


async def test_patterns_are_those_of_any_python(host, monkeypatch):
    """Python 3.14 spells the end of the text another way, which is no part of a pattern either."""
    translate = fnmatch.translate
    monkeypatch.setattr(fnmatch, "translate", lambda pattern: translate(pattern)[:-2] + r"\z")
    for name in ("a.conf", "backups/b.conf"):
        host.write(host.data / "swift" / name)
    host.declare(swift=mounts(host.data / "swift", config_files={"exclude": ["backups"]}))
    assert (await host.look())["swift"].files.keys() == {"swift/a.conf"}


async def test_t086_a_file_that_is_mounted_twice_counts_once(host):
    """A directory and a file in it: one file; and two roots may have one of the same name each (T-086)."""
    host.write(host.data / "nova" / "nova.conf")
    host.write(host.kolla / "nova" / "nova.conf")
    host.declare(web=mounts(host.data / "nova", host.data / "nova" / "nova.conf", host.kolla / "nova"))
    assert len((await host.look())["web"].files) == 2


async def test_what_cannot_be_told_is_as_it_was_and_says_why(host):
    """A source that is gone is neither empty nor other content; once it is back all is as before."""
    root = host.data / "nova"
    host.write(root / "nova.conf")
    host.declare(web=mounts(root))
    before = (await host.look())["web"]
    gone = (await host.after(root.rename, host.data / "away"))["web"]
    assert (gone.digest, gone.trouble) == (before.digest, f"{root} is not there")
    host.now += contents.AGAIN_SECONDS
    (host.data / "away").rename(root)
    assert (await host.look())["web"] == before


async def test_a_root_that_is_not_mounted_costs_nothing_also_over_a_restart(host):
    """A directory that had files and has none is not believed, by what is in memory and by what is in the store."""
    root = host.data / "nova"
    file = host.write(root / "nova.conf")
    host.declare(web=mounts(root))
    before = (await host.look())["web"]
    assert "holds no file any more; is it mounted?" in (await host.after(file.unlink))["web"].trouble
    host.restart()
    host.history = History({"web": Past(read=Read("id", before.digest, before.files))})
    assert "is it mounted?" in (await host.look())["web"].trouble
    host.history = History()
    host.restart()
    assert (await host.look())["web"].settled


async def test_too_many_files_are_told(tmp_path):
    """Nothing of them counts, and excluding some helps."""
    host = Host(tmp_path, max_files=2)
    for number in range(3):
        host.write(host.data / "nova" / f"{number}.log")
    host.declare(web=mounts(host.data / "nova"))
    assert "more than 2 files" in (await host.look())["web"].trouble
    host.declare(web=mounts(host.data / "nova", config_files={"exclude": ["0.log"]}))
    assert (await host.look())["web"].settled


async def test_nothing_is_read_where_nothing_says_so(host, monkeypatch):
    """Not at every pass: after an event, for another directory, and while something is amiss, now and then."""
    host.write(host.data / "nova" / "nova.conf")
    host.declare(web=mounts(host.data / "nova"))
    before = await host.look()
    assert host.contents.due_at == float("inf")
    monkeypatch.setattr(host.contents._tree, "entries", lambda _: pytest.fail("it was read"))
    assert await host.look() == before
    host.desired = replace(host.desired, generation=2)
    assert await host.look() == before


async def test_a_storm_of_events_is_read_now_and_then(host):
    """Whoever writes thousands of files does not have them read at each of them."""
    host.write(host.data / "nova" / "nova.conf")
    host.declare(web=mounts(host.data / "nova"))
    before = await host.look()
    host.write(host.data / "nova" / "nova.conf", "changed")
    host.contents.changed()
    host.now += contents.GAP_SECONDS / 2 - 1
    assert await host.look() == before
    host.now = host.contents.due_at - 1
    assert await host.look() != before


async def test_files_that_take_for_ever_hold_up_nobody(host, monkeypatch):
    """A file system that hangs: the pass goes on with what is known, and takes up the answer when it comes."""
    host.write(host.data / "nova" / "nova.conf")
    host.declare(web=mounts(host.data / "nova"))
    answered, real = threading.Event(), host.contents._read_all

    def slow(*arguments):
        answered.wait(30)
        return real(*arguments)

    monkeypatch.setattr(contents, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(host.contents, "_read_all", slow)
    assert (await host.look())["web"].trouble == "they have not been read yet"
    assert (await host.look())["web"].trouble == "they have not been read yet"
    answered.set()
    reading = host.contents._reading
    await asyncio.wait({reading})
    assert (await host.look())["web"].digest


async def test_files_that_hang_are_told_of_and_looked_for_now_and_then(host, monkeypatch):
    """One place that does not answer hides every change, so everybody's say so, always in the same words; what was
    known stays, and passes are not made for ever to see whether the answer has come.
    """
    hung = host.data / "nova"
    for place in (hung, host.data / "glance"):
        host.write(place / "x.conf")
    host.declare(web=mounts(hung), other=mounts(host.data / "glance"))
    before = await host.look()
    answered, entries = threading.Event(), host.contents._tree.entries

    def slow(source):
        if source == str(hung):
            answered.wait(30)
        return entries(source)

    monkeypatch.setattr(contents, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(host.contents._tree, "entries", slow)
    host.contents.changed()
    assert await host.look() == before
    host.now += contents.LONG_SECONDS
    late = await host.look()
    told = f"they are still being read after 30 s, now {hung}"
    assert late == {name: replace(content, trouble=told) for name, content in before.items()}
    host.contents.changed()
    assert host.contents.due_at == host.now + contents.AGAIN_SECONDS
    host.now += 100
    assert await host.look() == late
    answered.set()
    await asyncio.wait({host.contents._reading})
    assert await host.look() == before
    assert host.contents.due_at < host.now + contents.AGAIN_SECONDS


async def test_names_that_cannot_be_shown_are_written_otherwise(host):
    """A file's name may be any bytes; what is told of it can be read anywhere."""
    root = host.data / "nova"
    root.mkdir()
    for name in ("a\nb", os.fsdecode(b"\xff")):
        (root / name).touch()
    host.declare(web=mounts(root))
    found = (await host.look())["web"]
    assert found.files.keys() == {r"nova/a\nb", r"nova/\udcff"}


async def test_what_is_watched_follows_what_is_declared(host, tmp_path):
    """The roots with all below them, the directory of an env_file, and what a definition names."""
    host.declare(web=mounts(env_file=str(tmp_path / "web.env"), config_files={"include": ["/etc/pki/tls"]}))
    await host.look()
    assert {str(path): below for path, below in host.contents.watched.items()} == {
        str(host.data): True,
        str(host.kolla): True,
        str(tmp_path): False,
        "/etc/pki": False,
        "/etc/pki/tls": True,
    }
