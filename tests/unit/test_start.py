"""What the daemon loads before it does anything."""

import os
import subprocess
import sys

import pytest

STARTED = """
import os, sys
from paunchd.__main__ import main
sys.argv = ["paunchd", "--version"]
try:
    main()
except SystemExit:
    print(os.environ.get("SSL_CERT_FILE"))
"""


def test_the_daemon_starts_without_what_it_does_not_use():
    """The client's tables, or templates before the first page: all of it costs each start time, and the node memory."""
    command = [sys.executable, "-X", "importtime", "-m", "paunchd", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in told}
    assert "paunchd.daemon" in imported
    assert imported & {"jinja2", "rich.console", "charset_normalizer.api"} == set()
    assert [line for line in told if not line.startswith("import time:")] == []


@pytest.mark.parametrize("theirs", [None, "/etc/ssl/theirs.pem"])
def test_a_start_leaves_the_environment_as_it_was(theirs):
    """A container may be given the daemon's own variables."""
    environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    environment |= {"SSL_CERT_FILE": theirs} if theirs else {}
    command = [sys.executable, "-c", STARTED]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment).stdout
    assert told.splitlines()[-1] == str(theirs)
