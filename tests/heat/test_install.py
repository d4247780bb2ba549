"""The installer of the hook and its prune script, run as an operator does."""

import shlex
import subprocess

import pytest

from tests.heat.programs import HEAT


def install(*arguments, cwd=None):
    return subprocess.run([HEAT / "install.sh", *arguments], check=True, capture_output=True, text=True, cwd=cwd).stdout


def test_it_says_what_it_has_installed_and_how_to_be_rid_of_it(tmp_path):
    """The line that it ends with leaves nothing but directories."""
    *installed, uninstall = install(str(tmp_path)).splitlines()
    files = [path for path in tmp_path.rglob("*") if not path.is_dir()]
    assert all(any(str(path).startswith(line.split()[1]) for line in installed) for path in files)
    assert files
    assert (tmp_path / "usr/libexec/heat-config/hooks/paunchd").resolve().is_file()
    subprocess.run(shlex.split(uninstall.removeprefix("to uninstall: ")), check=True)
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("option", ["--help", "-h", "--uninstall"])
def test_an_option_is_no_directory(tmp_path, option):
    """It says what it does, and installs nothing."""
    assert "install.sh [ROOT]" in install(option, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
