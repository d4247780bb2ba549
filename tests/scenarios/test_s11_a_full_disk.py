"""S-11: the disk is full, that of the store or that of the engine."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.functional.faults import EACH, Fault, What
from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

NEW = {"environment": {"V": "2"}}
FULL = "no space left on device"


@contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    """A file system of its own at *path*, too small for the store ever to write over its own journal."""
    path.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk: Path) -> Path:
    """Leave no page free on *disk*, and return the file whose removal makes room again."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def two_good_ones(scenario):
    with scenario.step("two good containers run") as node:
        node.start()
        node.write("app", {"web": service(), "db": service()})
        node.proves()
        return node.ids()


def test_s11_without_room_for_the_store_nothing_is_begun_and_looking_goes_on(scenario):
    """What is not remembered is not done: neither a replacement nor anything new, until there is room again."""
    with small_disk(scenario.node.state_dir) as disk:
        before = two_good_ones(scenario)
        with scenario.step("the store's disk is full, and a change and something new are declared") as node:
            ballast = fill(disk)
            scenario.proxy.arm()
            node.write("app", {"web": service(**NEW), "db": service(), "late": service()})
            node.eventually(lambda: node.log("store_refused"))
        with scenario.step("nothing is done to any container, and the daemon goes on looking and telling") as node:
            node.passes(3)
            assert scenario.proxy.counted() == []
            assert node.ids() == before
            assert node.get("/v1/containers")["engine"] == "ok"
            assert node.status_of("/readyz")[0] == 200
            assert "cannot write the store" in node.log("store_refused")[-1]["error"]
        with scenario.step("with room again, the change goes through") as node:
            ballast.unlink()
            node.proves()
            assert node.id("web") != before["web"]
            assert node.id("db") == before["db"]
        scenario.holds()
        scenario.node.stop()


def test_s11_without_room_for_the_engine_the_old_container_runs_on(scenario):
    """What cannot be made just now condemns no version; it is said why, and done once there is room."""
    before = two_good_ones(scenario)
    with scenario.step("the engine has no room to make a container") as node:
        since = node.started_at("web")
        message = f"mkdir /var/lib/docker/overlay2/1f2e: {FULL}"
        scenario.proxy.arm(Fault(EACH, What.ANSWER, on="create", status=500, message=message))
        node.write("app", {"web": service(**NEW), "db": service()})
        node.becomes("waiting", "web")
    with scenario.step("the old one is untouched, the other goes on, and the reason is told") as node:
        assert (node.id("web"), node.started_at("web"), node.running("web")) == (before["web"], since, True)
        assert FULL in node.row("web")["reason"]
        node.eventually(lambda: node.row("web")["next_attempt"])
        assert node.state("db") == "running"
        assert node.get("/v1/containers")["engine"] == "ok"
        node.by_hand("POST", "db", "stop?t=0")
        node.eventually(lambda: node.running("db"))
    with scenario.step("with room again, the replacement goes through") as node:
        scenario.proxy.calm()
        node.proves()
        assert node.id("web") != before["web"]
        assert node.detail("web")["rejected"] == []
    scenario.holds()
