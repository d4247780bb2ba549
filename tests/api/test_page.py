"""The page as it is sent: everything it says stands in it, and nothing else is loaded."""

import re

import pytest

from paunchd.reconcile.model import State, Status
from tests import snapshots
from tests.api.serving import serving
from tests.snapshots import SECRET

HTML = {"back": [{"at": snapshots.EPOCH, "event": "rejected", "hash": "v1:new", "detail": "<b>bold</b>"}]}


@pytest.fixture
async def api(tmp_path):
    async with serving(tmp_path, events=HTML) as running:
        running.board.publish(snapshots.troubled())
        yield running


async def page(api, path, *, status=200, **keys):
    async with api.ask(path, **keys) as answer:
        assert (answer.status, answer.content_type) == (status, "text/html")
        return await answer.text(), answer.headers


@pytest.mark.parametrize("tcp", [False, True])
async def test_the_node_is_a_page(api, tcp):
    """What is wrong with the advice, and every name with its state, as a table."""
    text, _ = await page(api, "/", tcp=tcp)
    assert "<h1>1 failed, 1 rolled-back" in text
    assert "<code>paunchctl retry back</code>" in text
    for name, status in snapshots.troubled().plan.statuses.items():
        assert f'<a href="/containers/{name}">{name}</a>' in text
        assert f'<span class="state {status.state.value}">{status.state.value}</span>' in text


@pytest.mark.parametrize("name", snapshots.troubled().plan.statuses)
async def test_every_name_has_a_page(api, name):
    """Whatever it is, and whatever its trouble."""
    text, _ = await page(api, f"/containers/{name}")
    assert re.search(rf"<h1>{name} <span", text)


async def test_what_others_wrote_is_no_markup(api):
    """Reasons, details and names come from engines and files: they are shown, not interpreted."""
    text, _ = await page(api, "/containers/back")
    assert "<b>bold</b>" not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    api.board.publish(snapshots.snapshot(Status("<i>", State.FAILED, "`<u>`", blocked_by=("<s>",))))
    text, _ = await page(api, "/")
    assert not re.search("<i>|<u>|<s>", text)
    assert "/containers/%3Ci%3E" in text


async def test_nothing_is_loaded_from_elsewhere(api):
    """The policy allows what stands in the page and no more, and the page asks for nothing else."""
    text, headers = await page(api, "/")
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)


async def test_a_part_is_what_changes(api):
    """A script that has the page asks for its main part alone."""
    whole, _ = await page(api, "/")
    part, _ = await page(api, "/?part")
    assert "<html" not in part
    assert "<script" not in part
    assert "What is wrong" in part
    assert len(part) < len(whole)


@pytest.mark.parametrize("path", ["/", "/containers/back"])
async def test_what_happens_while_a_page_is_made_is_heard_of_by_its_script(api, monkeypatch, path):
    """It goes on after the newest event of what it shows, and not of what came meanwhile."""
    shown = api.board.journal.id_of(api.board.journal.newest)
    monkeypatch.setattr(api.kept, "meanwhile", lambda: api.board.publish(snapshots.settled()))
    text, _ = await page(api, path)
    assert api.board.journal.id_of(api.board.journal.newest) != shown
    assert f'data-last-event-id="{shown}"' in text


async def test_a_name_that_is_gone_has_a_page_that_says_so(api):
    """Who followed an old link learns where to look."""
    text, _ = await page(api, "/containers/nobody", status=404)
    assert "nobody is not known" in text


async def test_planted_secrets_stay_inside(api):
    """Neither an environment value, nor a command, nor what a rejected container printed is on any page."""
    for snapshot in (snapshots.troubled(), snapshots.planned(), snapshots.settled()):
        api.board.publish(snapshot)
        for path in ("/", *(f"/containers/{name}" for name in snapshot.plan.statuses)):
            assert SECRET not in (await page(api, path))[0]
