"""Whoever waits is answered once that very content has settled or failed."""

import asyncio
from dataclasses import replace

import pytest

from paunchd.reconcile.model import Config, State, Status
from tests import snapshots
from tests.api.serving import serving
from tests.snapshots import DIGEST


async def test_wait_answers_when_settled(api):
    """A wait for a digest answers once that very content has settled, not the content before it."""
    waiting = asyncio.create_task(api.json("/v1/configs/web?wait=settled&digest=new&timeout_seconds=10"))
    await asyncio.sleep(0.05)
    api.board.publish(snapshots.settled())
    newer = snapshots.settled()
    configs = {"web": Config("web", "new", names=frozenset({"web"}))}
    read = replace(newer, desired=replace(newer.desired, generation=8, configs=configs))
    api.board.publish(read)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    api.board.publish(replace(read, observed_generation=8))
    status, answer = await waiting
    assert (status, answer["settled"], answer["waited"], answer["digest"]) == (200, True, "settled", "new")


async def test_wait_answers_when_failed(api):
    """A wait ends at once when the content has failed, and says which names."""
    _, answer = await api.json(f"/v1/configs/web?wait=settled&digest={DIGEST}")
    assert (answer["settled"], answer["failed"], answer["waited"]) == (False, True, "failed")
    assert answer["failed_names"] == ["back", "once"]


async def test_wait_answers_when_broken(api):
    """A wait for content that does not parse ends at once, with the reason."""
    _, answer = await api.json(f"/v1/configs/bad?wait=settled&digest={'e2' * 32}")
    assert answer["waited"] == "failed"
    assert answer["broken"].startswith("bad.yaml:3:1")


async def test_wait_ends_in_time(api):
    """A wait whose time is over says that it is not settled yet, whatever other content says."""
    api.board.publish(snapshots.settled())
    status, answer = await api.json("/v1/configs/web?wait=settled&digest=other&timeout_seconds=0.1")
    assert (status, answer["settled"], answer["failed"], answer["waited"]) == (200, False, False, "timed out")


async def test_wait_for_a_generation(api):
    """A wait for a generation is not answered by an earlier one."""
    api.board.publish(snapshots.settled())
    _, answer = await api.json("/v1/configs/web?wait=settled&generation=8&timeout_seconds=0.1")
    assert answer["waited"] == "timed out"
    _, answer = await api.json("/v1/configs/web?wait=settled&generation=7&timeout_seconds=0.1")
    assert answer["waited"] == "settled"


async def test_wait_for_a_config_not_read_yet(api):
    """A wait for a config that is not known yet is not refused before its time."""
    assert (await api.json("/v1/configs/new?wait=settled&digest=x&timeout_seconds=0.1"))[0] == 404
    waiting = asyncio.create_task(api.json("/v1/configs/new?wait=settled&digest=x&timeout_seconds=10"))
    await asyncio.sleep(0.05)
    config = Config("new", "x", names=frozenset({"web"}))
    status = Status("web", State.RUNNING, settled=True)
    api.board.publish(snapshots.snapshot(status, items=[snapshots.item("web", "new")], configs=[config]))
    assert (await waiting)[1]["waited"] == "settled"


async def test_wait_for_a_removal(api):
    """With an empty digest a wait ends once the config is gone and nothing of it is left."""
    assert (await api.json("/v1/configs/gone?wait=settled&digest=&timeout_seconds=0.1"))[1]["waited"] == "timed out"
    api.board.publish(snapshots.settled())
    status, answer = await api.json("/v1/configs/gone?wait=settled&digest=&timeout_seconds=1")
    assert (status, answer["waited"], answer["names"]) == (200, "settled", [])


async def test_a_removal_is_not_answered_by_the_failure_before_it(api):
    """What had failed is taken away as well: its old failure is no answer, whoever still has it on show."""
    waiting = asyncio.create_task(api.json("/v1/configs/bad?wait=settled&digest=&timeout_seconds=10"))
    assert (await api.json("/v1/configs/web?wait=settled&digest=&timeout_seconds=0.1"))[1]["waited"] == "timed out"
    assert not waiting.done()
    api.board.publish(snapshots.settled())
    assert (await waiting)[1]["waited"] == "settled"


async def test_a_wait_is_not_answered_from_before_a_request(api):
    """Who asks for a retry and waits is not told the failure that is tried again, also not by a pass that was under way
    when it was asked for.
    """
    failed = api.board.current
    api.board.asked_at = failed.observed.at + 1
    waiting = asyncio.create_task(api.json(f"/v1/configs/web?wait=settled&digest={DIGEST}&timeout_seconds=10"))
    await asyncio.sleep(0.05)
    api.board.publish(failed)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    settled = snapshots.settled()
    api.board.publish(replace(settled, observed=replace(settled.observed, at=api.board.asked_at + 1)))
    assert (await waiting)[1]["waited"] == "settled"


@pytest.mark.parametrize(
    "query",
    [
        "wait=soon",
        "wait=settled&timeout_seconds=x",
        "wait=settled&timeout_seconds=1e9",
        "wait=settled&generation=-1",
        "wiat=settled",
        "timeout_seconds=1e9",
        "wait=settled&wait=settled",
        "wait=settled&generation=1.5",
        "wait=settled&generation=%201",
        "wait=settled&timeout_seconds=nan",
        "wait=settled&timeout_seconds=1_0",
    ],
)
async def test_bad_wait(api, query):
    """A wait that makes no sense is refused, not guessed at."""
    assert (await api.json(f"/v1/configs/web?{query}"))[0] == 400


async def test_waiters_are_bounded(tmp_path, monkeypatch):
    """More waiters than the bound are told to come again."""
    monkeypatch.setattr("paunchd.api.reads.MAX_WAITERS", 1)
    async with serving(tmp_path, listen=()) as api:
        api.board.publish(snapshots.settled())
        await one_waits_and_another_is_refused(api)


async def one_waits_and_another_is_refused(api):
    first = asyncio.create_task(api.json("/v1/configs/web?wait=settled&digest=x&timeout_seconds=0.5"))
    await asyncio.sleep(0.1)
    assert (await api.json("/v1/configs/web?wait=settled&digest=x"))[0] == 503
    await first
