"""Wakes by file events, against the real file system."""

import asyncio
import contextlib
import shutil
import time

import pytest

from paunchd.watch import Watch, Watches

DEBOUNCE = 0.05


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    """Nobody here waits for what gives no event as long as a node does."""
    monkeypatch.setattr("paunchd.watch._REARM_SECONDS", 0.2)


class Wakes:
    """Counts wakes, and waits for the next."""

    def __init__(self):
        self.count = 0
        self._event = asyncio.Event()

    def __call__(self):
        self.count += 1
        self._event.set()

    async def next(self, timeout=5.0):  # noqa: ASYNC109 - a test's patience
        await asyncio.wait_for(self._event.wait(), timeout)
        self._event.clear()

    async def quiet(self, seconds=0.4):
        """Let what is under way arrive."""
        await asyncio.sleep(seconds)
        self._event.clear()
        self.count = 0


@contextlib.asynccontextmanager
async def watching(directory, debounce=DEBOUNCE):
    wakes = Wakes()
    task = asyncio.create_task(Watch(directory, wakes, debounce).run())
    try:
        yield wakes
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "desired"
    path.mkdir()
    return path


async def test_a_file_renamed_into_place_wakes_within_the_debounce(directory, tmp_path):
    """An atomic replacement is noticed at once."""
    new = tmp_path / "new"
    new.write_text("x")
    async with watching(directory) as wakes:
        await wakes.next()
        await wakes.quiet()
        started = time.monotonic()
        new.rename(directory / "site.yaml")
        await wakes.next()
        assert time.monotonic() - started < DEBOUNCE + 1


async def test_one_change_is_not_waited_for_longer_than_it_takes_to_see_that_no_more_come(directory):
    """The debounce is for those who write many files."""
    async with watching(directory, 5) as wakes:
        await wakes.next()
        await wakes.quiet(5.5)
        (directory / "site.yaml").write_text("x")
        await wakes.next(timeout=3)
        assert wakes.count == 1


async def test_whoever_never_stops_writing_is_not_waited_for_longer_than_the_debounce(directory):
    """Each change is calm for less than it takes; the wake comes all the same."""
    async with watching(directory, 0.5) as wakes:
        await wakes.next()
        await wakes.quiet(1)
        for number in range(50):
            (directory / f"{number}.yaml").write_text("x")
            await asyncio.sleep(0.03)
        assert wakes.count >= 2


async def test_a_burst_wakes_once(directory):
    """Many events within the debounce are one wake."""
    async with watching(directory, 0.3) as wakes:
        await wakes.next()
        await wakes.quiet(0.6)
        for number in range(50):
            (directory / f"{number}.yaml").write_text("x")
        await wakes.next()
        await asyncio.sleep(0.1)
        assert wakes.count == 1


async def test_reading_does_not_wake(directory):
    """A pass reads the directory; that is no reason for another pass."""
    (directory / "site.yaml").write_text("x")
    async with watching(directory) as wakes:
        await wakes.next()
        await wakes.quiet()
        for _ in range(3):
            assert [path.read_text() for path in directory.iterdir()] == ["x"]
        await asyncio.sleep(0.3)
        assert wakes.count == 0


@pytest.mark.parametrize("change", ["chmod", "delete", "new step", "file in step"])
async def test_every_change_wakes(directory, change):
    """Modes, removals, new directories and files in them all count."""
    (directory / "site.yaml").write_text("x")
    (directory / "step_1").mkdir()
    async with watching(directory) as wakes:
        await wakes.next()
        await wakes.quiet()
        match change:
            case "chmod":
                (directory / "site.yaml").chmod(0o600)
            case "delete":
                (directory / "site.yaml").unlink()
            case "new step":
                (directory / "step_2").mkdir()
            case "file in step":
                (directory / "step_1" / "a.json").write_text("{}")
        await wakes.next()


async def test_a_kubernetes_switch_wakes(directory):
    """Renaming `..data` is a change."""
    (directory / "..1").mkdir()
    (directory / "..2").mkdir()
    (directory / "..data").symlink_to("..1")
    async with watching(directory) as wakes:
        await wakes.next()
        await wakes.quiet()
        (directory / "..new").symlink_to("..2")
        (directory / "..new").rename(directory / "..data")
        await wakes.next()


async def test_a_directory_that_comes_later_is_watched(directory):
    """A missing directory is waited for, and what it holds then is worth a wake."""
    directory.rmdir()
    async with watching(directory) as wakes:
        await asyncio.sleep(0.2)
        assert wakes.count == 0
        directory.mkdir()
        await wakes.next()
        await wakes.quiet()
        (directory / "site.yaml").write_text("x")
        await wakes.next()


async def test_a_directory_that_is_replaced_is_watched_again(directory):
    """Removal wakes, and so does everything in the directory that takes its place."""
    async with watching(directory) as wakes:
        await wakes.next()
        await wakes.quiet()
        shutil.rmtree(directory)
        await wakes.next()
        directory.mkdir()
        await wakes.next()
        await wakes.quiet()
        (directory / "site.yaml").write_text("x")
        await wakes.next()


async def test_a_directory_that_goes_away_wakes(directory):
    """Renamed as a whole, which nothing in it is told of; whoever reads it finds it gone."""
    async with watching(directory) as wakes:
        await wakes.next()
        await wakes.quiet()
        directory.rename(directory.with_name("away"))
        await wakes.next()


async def test_a_set_of_directories_is_watched_and_may_change(directory, tmp_path):
    """One with all below it, one alone; what is no longer wanted wakes nobody."""
    alone = tmp_path / "alone"
    (alone / "deep").mkdir(parents=True)
    (directory / "deep").mkdir()
    wakes = Wakes()
    watches = Watches(wakes, DEBOUNCE)
    task = asyncio.create_task(watches.run())
    watches.want({directory: True, alone: False})
    await wakes.next()
    await wakes.quiet()
    (directory / "deep" / "a").touch()
    await wakes.next()
    (alone / "a").touch()
    await wakes.next()
    await wakes.quiet()
    (alone / "deep" / "a").touch()
    await asyncio.sleep(0.4)
    assert wakes.count == 0
    watches.want({alone: False})
    await asyncio.sleep(0.5)
    await wakes.quiet()
    (directory / "deep" / "b").touch()
    await asyncio.sleep(0.4)
    assert wakes.count == 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_stopping_leaves_no_timer_behind(directory):
    """After the end nobody is woken any more."""
    async with watching(directory, 1) as wakes:
        await wakes.next()
        await wakes.quiet(1.5)
        (directory / "site.yaml").write_text("x")
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.4)
    assert wakes.count == 0
