"""What the crash matrix shares: the engine, the runs, and the figures that are told in the end."""

import pytest

from tests.crash.matrix import Matrix
from tests.crash.plan import FULL, SEED, TAKEN
from tests.functional.engine_side import EngineSide


@pytest.fixture(scope="session")
def matrix(engine_url: str, stub_image: str, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return Matrix(EngineSide(engine_url.removeprefix("unix://")), tmp_path_factory.mktemp("c"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not TAKEN:
        return
    how = f"{'in full' if FULL else 'a part of it'}; PAUNCHD_CRASH_SEED={SEED} takes the same"
    total = sum(report.points for report in TAKEN)
    terminalreporter.section(f"crash matrix, {how}")
    for report in TAKEN:
        terminalreporter.line(str(report))
    terminalreporter.line(f"{total} points, {sum(len(report.failures) for report in TAKEN)} failed")
