"""S-12: files that are being written, swapped or unreadable, and a directory that is not mounted."""

import json
import subprocess
import threading
from contextlib import contextmanager

import pytest

from tests.functional.engine_side import ask
from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

# Root reads what it may not, unless it has given up the right to.
LIKE_OTHERS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
SWAPS = 40


@pytest.fixture
def good(scenario):
    """One good container of each of two files."""
    scenario.node.command = (*LIKE_OTHERS, *scenario.node.command)
    return scenario.with_two_files()


def content(node, **versions):
    """The text of a file that declares each name in a version."""
    return "".join(f"{node.full(name)}: {json.dumps(service(environment={'V': v}))}\n" for name, v in versions.items())


def removals(node):
    """How often a container has gone that nobody wanted to replace."""
    return [line for line in node.log("lane_began") if line["reason"] == "orphaned"]


@contextmanager
def looking_all_the_time(node):
    """Passes are taken without a pause, so that one of them sees whatever there is to see."""
    over = threading.Event()

    def look():
        while not over.is_set():
            ask(str(node.socket), "POST", "/v1/reconcile")

    looks = threading.Thread(target=look)
    looks.start()
    try:
        yield
    finally:
        over.set()
        looks.join()


def test_s12_a_file_written_in_three_chunks_is_one_change_at_the_end(good):
    """Each part of it is valid and declares less, or other things, than the whole; it is taken once it is closed."""
    with good.step("its new content is written in three chunks with pauses, each a file of its own") as node:
        before = node.ids()
        text = content(node, more="1", web="2")
        first, second = text.splitlines(keepends=True)
        with (node.desired / "app.yaml").open("w") as file:
            for chunk in ("", first, second):
                file.write(chunk)
                file.flush()
                node.eventually(lambda: "still writing" in (node.get("/v1/configs/app")["broken"] or ""))
                node.passes()
                assert node.ids() == before
    with good.step("it is closed, and the whole of it is done once"):
        node.write_text("app", text)
        node.proves()
        assert node.ps().keys() == {"web", "db", "more", "foreign"}
        assert node.actions("web").count("create") == 2
        assert removals(node) == []
    good.holds()


def test_s12_an_editor_swaps_the_file_and_nothing_goes(good):
    """Editors move the old file away before they write the new one, or rename the new one over it; however often that
    is done while the daemon looks, only what has changed in the end is done, once.
    """
    with good.step("an editor saves the file many times as it was, and at last with a change") as node:
        place = node.desired / "app.yaml"
        backup = place.with_name("app.yaml~")
        before = node.ids()
        was = place.read_text()
        will = content(node, web="2")
        with looking_all_the_time(node):
            for text in (*[was] * SWAPS, will):
                place.with_name(".app.yaml.swp").write_text("what an editor keeps for itself")
                place.rename(backup)
                with place.open("x") as file:
                    place.chmod(0o600)
                    file.write(text)
                backup.unlink()
        assert removals(node) == []
        node.write_text("app", will)
    with good.step("the change is done once, and nothing has ever gone"):
        node.proves()
        assert node.id("db") == before["db"]
        assert node.actions("web").count("create") == 2
        assert removals(node) == []
    good.holds()


def test_s12_a_directory_that_is_unmounted_changes_nothing(scenario):
    """What runs goes on and is repaired, also under the next daemon, and nothing has happened once it is mounted."""
    node = scenario.node
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "desired", node.desired], check=True)
    mounted = True
    try:
        with scenario.step("a container of each of two files of a mounted directory runs"):
            node.start()
            node.write("app", {"web": service()})
            node.write("other", {"db": service()})
            node.proves()
            before = node.ids()
            texts = {path.stem: path.read_text() for path in node.desired.iterdir()}
        with scenario.step("the directory is unmounted, and that is said"):
            subprocess.run(["umount", "--lazy", node.desired], check=True)
            mounted = False
            node.eventually(lambda: node.get("/v1/containers")["source"] == "degraded")
            assert "is it mounted?" in node.status_of("/readyz")[1]
        with scenario.step("nothing is removed, and what ends is started again"):
            node.passes()
            since = node.started_at("web")
            node.by_hand("POST", "web", "stop?t=0")
            node.eventually(lambda: node.running("web") and node.started_at("web") != since)
            assert node.ids() == before
        with scenario.step("it is mounted again, and nothing has happened"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "desired", node.desired], check=True)
            mounted = True
            for config, text in texts.items():
                node.write_text(config, text)
            node.proves()
            assert node.ids() == before
            assert removals(node) == []
        scenario.holds()
    finally:
        node.kill9()
        if mounted:
            subprocess.run(["umount", "--lazy", node.desired], check=True)


def test_s12_what_cannot_be_read_keeps_its_containers(good):
    """A file and then the whole directory that the daemon may not read: both are said, and nothing goes."""
    with good.step("a file cannot be read, and says so") as node:
        before = node.ids()
        place = node.desired / "app.yaml"
        place.chmod(0o000)
        said = "cannot read the file: Permission denied"
        node.eventually(lambda: said in (node.get("/v1/configs/app")["broken"] or ""))
    with good.step("its container stays, and the other file is followed"):
        node.write("other", {"db": service(environment={"V": "2"})})
        node.eventually(lambda: node.id("db") not in ("", before["db"]))
        node.eventually(lambda: not node.leftovers())
        assert node.id("web") == before["web"]
    with good.step("the directory cannot be read, and says so"):
        node.desired.chmod(0o000)
        node.eventually(lambda: node.get("/v1/containers")["source"] == "degraded")
        assert "Permission denied" in node.status_of("/readyz")[1]
    with good.step("nothing goes, and the next daemon takes nothing either"):
        before = node.ids()
        node.restart()
        node.passes()
        assert node.ids() == before
    with good.step("both can be read again, and nothing has happened"):
        node.desired.chmod(0o755)
        place.chmod(0o600)
        node.proves()
        assert node.ids() == before
        assert removals(node) == []
    good.holds()
