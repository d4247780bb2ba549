"""What a soak is told as: findings, a text for people that is Markdown as well, and its samples as JSON."""

import json
import os
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tests.soak import figures
from tests.soak.course import Outcome


def findings(outcome: Outcome) -> list[str]:
    """What is wrong, in sentences; nothing where the soak was passed."""
    life = figures.longest_life(outcome.samples)
    late = figures.lateness(life, outcome.control) if life else "no sample was taken"
    return [*outcome.violations, *figures.leaks(outcome.samples), *([late] if late else [])]


def told(outcome: Outcome) -> str:
    wish, life = outcome.wish, figures.longest_life(outcome.samples)
    wrong = findings(outcome)
    loads = [one.load for one in outcome.samples] or [0.0]
    rests = outcome.rests or [0.0]
    quiet = f"a fixed point after {statistics.median(rests):.0f} s in the median and {max(rests):.0f} s at most"
    mean = figures.mean_load(outcome.samples)
    load = f"load average {mean:.1f} in the mean, {max(loads):.1f} at most, on {os.cpu_count()} processors"
    head = [
        f"# Soak: {wish.minutes:g} minutes, {wish.size} names, seed {wish.seed}",
        "",
        f"- **{'passed' if not wrong else 'failed'}**",
        *(f"- {one}" for one in wrong),
        f"- {outcome.seconds / 60:.1f} minutes in all; {load}",
        f"- {outcome.played.total()} faults; quiet {len(outcome.rests)} times, {quiet}",
        f"- lives of the daemon: {', '.join(_life(one) for one in figures.lives(outcome.samples))}",
        "",
    ]
    return "\n".join([*head, *_resources(life), *_lateness(outcome, life), *_counts(outcome)])


def write(outcome: Outcome, directory: Path) -> None:
    """Leave the report, the samples and, where anything is wrong, the daemon's log in *directory*."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.md").write_text(told(outcome) + "\n")
    content = {
        "wish": asdict(outcome.wish),
        "findings": findings(outcome),
        "rests": outcome.rests,
        "played": outcome.played,
        "answers": outcome.answers,
        "control": outcome.control,
        "samples": [asdict(one) for one in outcome.samples],
    }
    (directory / "samples.json").write_text(json.dumps(content, indent=1))
    if findings(outcome):
        (directory / "daemon.log").write_text(outcome.log)


def _life(life: list[figures.Sample]) -> str:
    return f"{_minutes(life):.1f} min ({life[-1].passes:.0f} passes)"


def _minutes(life: list[figures.Sample]) -> float:
    return (life[-1].at - life[0].at) / 60


def _resources(life: list[figures.Sample]) -> list[str]:
    counted = figures.warmed_up(life)
    if not counted:
        return []
    rows = [
        f"The longest life after its first quarter: {len(counted)} samples over {_minutes(counted):.1f} minutes.",
        "A leak is a rise of the fitted line beyond the bound an hour and the ripple together.",
        "",
        "| | first | last | most | slope an hour | bound an hour | ripple | why |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in figures.RESOURCES:
        seen = figures.trend(counted, one.of)
        values = (seen.first, seen.last, seen.most, seen.slope_per_hour, one.bound.per_hour, one.bound.ripple)
        rows.append(f"| {one.name} | {' | '.join(f'{value / one.unit:.1f}' for value in values)} | {one.bound.why} |")
    return [*rows, ""]


def _lateness(outcome: Outcome, life: list[figures.Sample]) -> list[str]:
    if not life:
        return []
    measured = {"daemon, its longest life": life[-1].late, "idle process, all the time": outcome.control}
    rows = ["| event loop lag (ms) | p50 | p99 | most, no more than | ticks |", "|---|---|---|---|---|"]
    for who, late in measured.items():
        found = (figures.quantile(late, 0.5), figures.quantile(late, 0.99), figures.most(late))
        rows.append(f"| {who} | {' | '.join(f'{value * 1e3:.1f}' for value in found)} | {max(late.values()):.0f} |")
    return [*rows, "", f"In that life {figures.waiting(life[-1])}.", ""]


def _counts(outcome: Outcome) -> list[str]:
    samples = outcome.samples
    return [
        *_table("fault", outcome.played),
        *_table("rollouts begun", figures.total(samples, lambda one: one.rollouts)),
        *_table("rejected because", figures.total(samples, lambda one: one.rollbacks)),
        *_table("lanes", figures.total(samples, lambda one: one.lanes)),
        *_table("answers to readers", {str(status or "none"): n for status, n in sorted(outcome.answers.items())}),
    ]


def _table(what: str, counted: Mapping[str, float]) -> list[str]:
    rows = [f"| {name} | {count:.0f} |" for name, count in counted.items()]
    return [f"| {what} | times |", "|---|---|", *rows, ""] if rows else []
