"""Whoever asks again what has not changed is told so, and nothing more."""

from dataclasses import replace

import pytest

from paunchd.api import answers
from paunchd.api.routes import ETAG, ROUTES
from paunchd.reconcile.model import State, Status
from tests import snapshots

TAGGED = [route.path.format(name="web", config_id="web") for route in ROUTES if ETAG in route.headers]


def held():
    node = snapshots.settled()
    return replace(node, plan=replace(node.plan, statuses={"web": Status("web", State.HELD, "held")}))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", TAGGED)
async def test_what_has_not_changed_is_not_sent_again(api, path, method):
    """The same snapshot or an equal one is a 304 without a body, another one comes whole."""
    api.board.publish(snapshots.settled())
    async with api.ask(path) as answer:
        headers = {"If-None-Match": answer.headers["ETag"]}
    api.board.publish(snapshots.settled())
    async with api.ask(path, method=method, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
        assert answer.headers["ETag"] == headers["If-None-Match"]
    api.board.publish(held())
    async with api.ask(path, method=method, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"] != headers["If-None-Match"]


@pytest.mark.parametrize(
    ("told", "status"), [('"other", {}', 304), ("W/{}", 304), ("*", 304), ('"other"', 200), ("nonsense", 200)]
)
async def test_forms_of_a_tag(api, told, status):
    """One of several, a weak one and any will do; another or none will not."""
    async with api.ask("/v1/status") as answer:
        tag = answer.headers["ETag"]
    async with api.ask("/v1/status", headers={"If-None-Match": told.format(tag)}) as answer:
        assert answer.status == status


async def test_many_readers_cost_one_rendering(api, monkeypatch):
    """However many ask for the list, it is rendered once a snapshot, over each listener."""
    rendered, render = [], answers.render
    monkeypatch.setattr("paunchd.api.answers.render", lambda view: rendered.append(view) or render(view))
    for _ in range(5):
        for tcp in (False, True):
            await api.json("/v1/containers", tcp=tcp)
    assert len(rendered) == 2
