"""What watching config files costs: a look at 5 000 files of 4 KB, and how soon a change of one is acted on."""

import asyncio
import os
import statistics
import time

import pytest

from paunchd.files import Contents
from paunchd.reconcile.model import Desired, History
from paunchd.settings import ConfigFilesSettings
from tests.bench.measured import load
from tests.functional.node import service
from tests.unit.places import item

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

SERVICES, FILES, BYTES = 50, 100, 4096
LOOKS = 20
CHANGES = 5
QUIET = 1.0


@pytest.fixture
def root(tmp_path):
    """Make fifty services' directories of a hundred files each, long enough ago to be believed by their times."""
    made = tmp_path / "config-data"
    for service_number in range(SERVICES):
        directory = made / f"s{service_number:02d}"
        directory.mkdir(parents=True)
        for number in range(FILES):
            (directory / f"{number:03d}.conf").write_bytes(os.urandom(BYTES // 2).hex().encode())
    time.sleep(3)
    return made


def mounting(root, number, **keys):
    return {"volumes": [f"{root}/s{number:02d}:/c:ro"], **keys}


async def timed_look(contents, desired):
    contents.changed()
    contents._read_at = float("-inf")
    began = time.perf_counter()
    found = await contents.look(desired, History())
    return time.perf_counter() - began, found


def milliseconds(seconds):
    return f"median {statistics.median(seconds) * 1e3:.1f} ms, worst {max(seconds) * 1e3:.1f} ms"


def test_a_look_at_five_thousand_files(root):
    """The first reads them all, later ones their statuses, and a look that nothing asked for reads nothing."""
    contents = Contents(ConfigFilesSettings(roots=(root,)))
    desired = Desired(1, {f"s{n:02d}": item(f"s{n:02d}", **mounting(root, n)) for n in range(SERVICES)})

    async def measure():
        first, found = await timed_look(contents, desired)
        assert sum(len(one.files) for one in found.values()) == SERVICES * FILES
        again = [(await timed_look(contents, desired))[0] for _ in range(LOOKS)]
        idle = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            await contents.look(desired, History())
            idle.append(time.perf_counter() - began)
        return first, again, idle

    first, again, idle = asyncio.run(measure())
    print(f"\n{load()}")
    print(
        f"{SERVICES * FILES} files of {BYTES} bytes for {SERVICES} containers, read and digested: {first * 1e3:.0f} ms"
    )
    print(f"  looked at again, nothing changed: {milliseconds(again)}")
    print(f"  asked in a pass that nothing told of a change: {milliseconds(idle)}")


def test_from_a_changed_file_to_the_engine(make_node, root):
    """One of 5 000 files changes, and exactly who reads it is replaced."""
    node = make_node(config_files__roots=[str(root)], config_files__quiet_seconds=QUIET, reconcile__resync_seconds=3600)
    node.write("app", {f"s{n:02d}": service(**mounting(root, n, stop_signal="SIGKILL")) for n in range(10)})
    node.start()
    node.proves()
    delays = []
    for number in range(CHANGES):
        changed = time.time_ns()
        (root / f"s{number:02d}" / "000.conf").write_text("changed\n")
        node.eventually(lambda: len(created(node, changed)) > 0)  # noqa: B023 - asked at once
        delays.append((created(node, changed)[0] - changed) / 1e9)
        node.proves()
    print(f"\n{load()}")
    print(
        f"from a changed file to the engine's create event: {milliseconds(delays)}, {QUIET:g} s of it waited on purpose"
    )


def created(node, since):
    everyone = [one for number in range(10) for one in node.happenings(f"s{number:02d}")]
    return [one.at for one in everyone if one.action == "create" and one.at > since]
