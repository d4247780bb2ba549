"""The lab itself, and an engine that dies and comes back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from leftovers import processes_under
from private_engine import PrivateEngine, sweep

from paunchd.engine import DockerEngine
from paunchd.errors import EngineUnavailable
from paunchd.spec import ContainerSpec

pytestmark = pytest.mark.engine

KILLED_RUN = """
import os, signal, sys
from private_engine import PrivateEngine
engine = PrivateEngine()
engine.start(os.getpid())
print(engine.directory, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_an_engine_that_died_is_unavailable_and_comes_back_with_what_it_had(stub_image):
    """A crash ends the event stream and every call; afterwards the same client goes on as before."""
    import stub_image as stubs  # noqa: PLC0415 - the fixture has its name

    with PrivateEngine() as lab:
        stubs.build(lab.url, [stub_image])
        engine = DockerEngine(lab.url, call_timeout_seconds=5)
        ref = await engine.create("web", ContainerSpec(image=stub_image, net="none"), {})
        events = engine.events()
        lab.halt(kill=True)
        for call in (anext(events), engine.list(), engine.start(ref), engine.pull(stub_image)):
            with pytest.raises(EngineUnavailable):
                await call
        lab.start(os.getpid())
        assert [one.id for one in await engine.list()] == [ref]
        await engine.close()


def test_what_a_killed_run_left_behind_is_swept():
    """Its daemon, its mounts and its directory are gone after the next start."""
    run = subprocess.run(
        [sys.executable, "-c", KILLED_RUN],
        cwd=Path(__file__).parents[2] / "contrib" / "lab",
        capture_output=True,
        text=True,
        check=False,
    )
    directory = Path(run.stdout.strip())
    assert directory.is_dir(), run.stderr
    assert list(processes_under(directory))
    sweep()
    assert not list(processes_under(directory))
    assert not directory.exists()
    assert str(directory) not in Path("/proc/self/mountinfo").read_text()
