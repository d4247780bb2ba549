"""What an operator asks for reaches the daemon, with who it was."""

import os

import structlog


async def test_writes_over_the_socket(api):
    """An operator's requests reach the daemon, and an unknown name is not found."""
    for action in ("retry", "restart", "hold", "release"):
        status, answer = await api.json(f"/v1/containers/web/{action}", method="POST")
        assert (status, answer) == (202, {"accepted": action, "name": "web"})
    assert (await api.json("/v1/reconcile", method="POST"))[0] == 202
    assert api.operator.asked == ["retry web", "restart web", "hold web", "release web", "reconcile"]
    assert api.operator.uids == {os.getuid()}
    status, problem = await api.json("/v1/containers/nobody/retry", method="POST")
    assert (status, problem["detail"]) == (404, "no container `nobody` is known")


async def test_a_rollback_to_nowhere(api):
    """Asking for what cannot be done is a conflict that says why."""
    status, problem = await api.json("/v1/containers/web/rollback", method="POST")
    assert (status, problem["title"]) == (409, "Not possible")
    assert "no good revision" in problem["detail"]


async def test_a_write_that_cannot_be_done(api):
    """When the store cannot be written, the operator is told so, and to come again."""
    async with api.ask("/v1/removals/confirm", method="POST") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"]
        assert (await answer.json(content_type=None))["detail"] == "cannot write the store: disk full"


async def test_writer_is_recorded(api):
    """Who wrote over the socket is logged by uid."""
    with structlog.testing.capture_logs() as logged:
        await api.json("/v1/containers/web/hold", method="POST")
    assert logged == [
        {
            "event": "write_requested",
            "log_level": "info",
            "action": "hold",
            "name": "web",
            "uid": os.getuid(),
            "pid": os.getpid(),
        }
    ]
