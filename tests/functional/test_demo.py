"""The demo is what people try first, so it is tried here as well, on the session's engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.engine
@pytest.mark.timeout(180)
def test_the_demo_tells_its_story_and_leaves_nothing(engine_url, docker):
    """Every check of the demo passes, its output is plain without a terminal, and a bystander stays as it is."""
    images, containers = docker("images", "--all", "--quiet"), docker("ps", "--all", "--quiet")
    done = subprocess.run(
        [sys.executable, ROOT / "contrib" / "demo" / "demo.py"],
        env={**os.environ, "DOCKER_HOST": engine_url},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    assert "✗" not in done.stdout
    assert (docker("images", "--all", "--quiet"), docker("ps", "--all", "--quiet")) == (images, containers)
