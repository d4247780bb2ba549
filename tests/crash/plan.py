"""Which stories and which of their points are taken: all of them, or a few that the seed decides."""

import os
import random
from collections.abc import Iterable

from tests.crash.matrix import Report
from tests.crash.stories import STORIES, Story
from tests.crash.victim import Point

FULL = os.environ.get("PAUNCHD_CRASH") == "all"
SEED = int(os.environ.get("PAUNCHD_CRASH_SEED") or random.randrange(10_000))
STORIES_OF_A_PART = 4
POINTS_OF_A_STORY = 3
TAKEN: list[Report] = []


def chosen_stories() -> list[Story]:
    if FULL:
        only = os.environ.get("PAUNCHD_CRASH_STORY", "")
        return [story for story in STORIES if only in ("", story.name)]
    return random.Random(SEED).sample(STORIES, STORIES_OF_A_PART)


def chosen_points(story: Story, points: list[Point]) -> Iterable[Point]:
    """Points of *story*, the same ones whenever the seed and *points* are the same."""
    if FULL:
        return points
    return random.Random(f"{SEED} {story.name}").sample(points, min(POINTS_OF_A_STORY, len(points)))
