"""Which stories and which of their points are taken: all of them, or a few that the seed decides."""

import os
import random
from collections.abc import Iterable

from tests.crash.matrix import Crash, Report, points_of
from tests.crash.stories import STORIES, Story
from tests.crash.victim import Point

FULL = os.environ.get("PAUNCHD_CRASH") == "all"
SEED = int(os.environ.get("PAUNCHD_CRASH_SEED") or random.randrange(10_000))
STORIES_OF_A_PART = 4
POINTS_OF_A_STORY = 3
PAIRS_OF_A_STORY = 2
WHATS = ("call", "write")
TAKEN: list[Report] = []


def chosen_stories() -> list[Story]:
    if FULL:
        only = os.environ.get("PAUNCHD_CRASH_STORY", "")
        return [story for story in STORIES if only in ("", story.name)]
    return random.Random(SEED).sample(STORIES, STORIES_OF_A_PART)


def chosen_points(story: Story, points: list[Point]) -> Iterable[Crash]:
    """Points of *story*, the same ones whenever the seed and *points* are the same."""
    chosen = points if FULL else _sample(story, points, POINTS_OF_A_STORY)
    return [(point,) for point in chosen]


def chosen_pairs(story: Story, points: list[Point]) -> Iterable[Crash]:
    """The same with a second point for each, among about as many as the first has left of the story."""
    chosen = points if FULL else _sample(story, points, PAIRS_OF_A_STORY)
    most = {what: max((point.number for point in points if point.what == what), default=1) for what in WHATS}
    pairs = []
    for point in chosen:
        left = 1 - (point.number - 1) / most[point.what]
        seconds = points_of(*(max(1, round(most[what] * left)) for what in WHATS))
        pairs.append((point, random.Random(f"{SEED} {story.name} {point}").choice(seconds)))
    return pairs


def _sample(story: Story, points: list[Point], many: int) -> list[Point]:
    return random.Random(f"{SEED} {story.name}").sample(points, min(many, len(points)))
