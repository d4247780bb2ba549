"""What the daemon loads before it does anything."""

import subprocess
import sys


def test_the_daemon_starts_without_what_it_does_not_use():
    """The client's tables, or templates before the first page: all of it costs each start time, and the node memory."""
    command = [sys.executable, "-X", "importtime", "-m", "paunchd", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in told}
    assert "paunchd.daemon" in imported
    assert imported & {"jinja2", "rich.console", "charset_normalizer.api"} == set()
    assert [line for line in told if not line.startswith("import time:")] == []
