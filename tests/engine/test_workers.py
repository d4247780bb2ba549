"""Threads for blocking calls: bounded, each with its own object, and never in the way of the end."""

import asyncio
import threading

import pytest

from paunchd.engine.workers import Workers


@pytest.fixture
async def workers():
    made = Workers("test", 2, threading.get_ident)
    yield made
    await made.close()


async def test_a_call_is_given_the_object_of_its_own_thread(workers):
    """No two threads share a client."""
    calls = [workers.submit(lambda own: (own, threading.get_ident())) for _ in range(20)]
    for own, thread in await asyncio.gather(*calls):
        assert own == thread


async def test_no_more_threads_than_allowed_run(workers):
    """The bound holds however much there is to do."""
    await asyncio.gather(*[workers.submit(lambda own: own) for _ in range(20)])
    assert len(set(await asyncio.gather(*[workers.submit(lambda own: own) for _ in range(20)]))) <= 2


async def test_an_error_is_its_callers(workers):
    """And the thread goes on."""

    def fail(_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await workers.submit(fail)
    assert await workers.submit(lambda _: "still here") == "still here"


async def test_a_call_cancelled_in_the_queue_never_runs(workers):
    """A step that was given up must not happen later after all."""
    release, ran = threading.Event(), []
    busy = [workers.submit(lambda _: release.wait(5)) for _ in range(2)]
    queued = workers.submit(lambda _: ran.append("ran"))
    queued.cancel()
    release.set()
    await asyncio.gather(*busy)
    await workers.submit(lambda _: None)
    assert ran == []


async def test_a_hanging_call_does_not_hold_up_closing():
    """The program ends although a thread does not."""
    release = threading.Event()
    hung = Workers("hung", 1, object)
    future = hung.submit(lambda _: release.wait(30))
    async with asyncio.timeout(2):
        await hung.close(patience_seconds=0.1)
    assert threading.main_thread() is threading.current_thread()
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("hung"))
    release.set()
    await future
