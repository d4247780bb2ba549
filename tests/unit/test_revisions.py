"""The revisions of a name, made from its story: which there were, and what became of each."""

import pytest

from paunchd.api.revisions import history_view
from paunchd.reconcile.model import Past, Result, Revision, Seen, State, Status
from tests import snapshots

AT = snapshots.EPOCH


def row(event, hash_="", *, at=0, **fields):
    return {"at": AT + at, "event": event, "outcome": "done", "seconds": 0.5, "hash": hash_, **fields}


def shown(past, running="v1:b", declared="v1:b", rows=()):
    live = snapshots.container("web", revision=running)
    node = snapshots.snapshot(
        Status("web", State.RUNNING),
        items=[snapshots.item("web", revision=declared)],
        seen={"web": Seen(live=live)},
        pasts={"web": past},
    )
    return {one.hash: one for one in history_view(node, "web", rows).revisions}


STORY = (
    row("asked to roll back", "v1:c", at=50, uid=1000),
    row("config-changed", "v1:c", at=40, image="app:3"),
    row("accepted", "v1:b", at=30),
    row("config-changed", "v1:b", at=20, image="app:2"),
    row("accepted", "v1:a", at=10),
    row("new", "v1:a", image="app:1"),
)


def test_each_revision_is_told_once_the_newest_first():
    """With its image, when it came, when it was judged, and who had a hand in it."""
    past = Past(good=Revision("v1:b"), before=Revision("v1:a"), rejected={"v1:c": "by hand"})
    found = shown(past, declared="v1:c", rows=STORY)
    assert list(found) == ["v1:c", "v1:b", "v1:a"]
    assert [(one.image, one.verdict) for one in found.values()] == [
        ("app:3", "rejected"),
        ("app:2", "good"),
        ("app:1", "before"),
    ]
    assert (found["v1:c"].uid, found["v1:c"].cause, found["v1:c"].declared) == (1000, "by hand", True)
    assert (found["v1:b"].running, found["v1:b"].uid) == (True, None)
    assert [
        (one.at.timestamp() - AT, one.verdict_at and one.verdict_at.timestamp() - AT) for one in found.values()
    ] == [
        (40, None),
        (20, 30),
        (0, 10),
    ]


@pytest.mark.parametrize(
    ("past", "declared", "verdict"),
    [
        (Past(good=Revision("v1:b")), "v1:c", "on trial"),
        (Past(good=Revision("v1:b")), "v1:d", "earlier"),
        (Past(results={"v1:c": Result(succeeded=True, exit_code=0)}), "v1:c", "succeeded"),
        (Past(results={"v1:c@v1:t": Result(succeeded=False, exit_code=1)}), "v1:c", "failed"),
    ],
)
def test_what_became_of_it(past, declared, verdict):
    """A revision that was never judged is on trial while it is declared; of runs their result tells."""
    assert shown(past, declared=declared, rows=STORY)["v1:c"].verdict == verdict


def test_one_that_is_down_does_not_run():
    """Only what is up is said to run."""
    node = snapshots.snapshot(
        Status("web", State.FAILED),
        seen={"web": Seen(live=snapshots.container("web", state=snapshots.ContainerState.EXITED))},
    )
    (one,) = history_view(node, "web", [row("new", "v1:new")]).revisions
    assert not one.running


def test_a_name_without_a_story_has_no_revisions():
    """Requests have no revision of their own."""
    node = snapshots.settled()
    assert history_view(node, "web", [row("asked to hold", uid=0)]).revisions == []
