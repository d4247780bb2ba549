"""The soak: random faults for as long as ``make soak MINUTES=…`` says, else a short one that shows that it works."""

import os
import random
import tempfile
from pathlib import Path

import pytest

from tests.functional.conftest import engine_side
from tests.soak import report
from tests.soak.course import Wish, soak

__all__ = ["engine_side"]

MINUTES = os.environ.get("PAUNCHD_SOAK_MINUTES")
WISH = Wish(
    minutes=float(MINUTES or 0.3),
    size=int(os.environ.get("PAUNCHD_SOAK_NAMES") or (100 if MINUTES else 15)),
    seed=int(os.environ.get("PAUNCHD_SOAK_SEED") or random.randrange(10_000)),
)
SHUT_SECONDS = 900

pytestmark = [pytest.mark.engine, pytest.mark.timeout(WISH.minutes * 60 + SHUT_SECONDS)]


def test_hours_of_faults_break_no_invariant_and_leak_nothing(engine_side, owner):
    """Whatever goes wrong, in each quiet a fixed point is reached and I1 to I5 have held; nothing grows, and the event
    loop is in time (S-25). A short one is too short to tell of growth, and lateness is no matter of a test.
    """
    print(f"\nsoak of {WISH.minutes:g} minutes, {WISH.size} names, PAUNCHD_SOAK_SEED={WISH.seed}", flush=True)
    outcome = soak(engine_side, owner, WISH)
    print(report.told(outcome))
    if MINUTES:
        named = os.environ.get("PAUNCHD_SOAK_REPORT") or tempfile.mkdtemp(prefix="paunchd-soak-report-")
        report.write(outcome, Path(named))
        print(f"report, samples and log: {named}")
    wrong = report.findings(outcome) if MINUTES else outcome.violations
    if wrong:
        pytest.fail(f"PAUNCHD_SOAK_SEED={WISH.seed}\n" + "\n".join(wrong), pytrace=False)
