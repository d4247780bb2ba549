"""What is kept of a container for people, before it goes. Never stops a verdict: what cannot be had is left out."""

from paunchd.engine.protocol import Engine
from paunchd.errors import EngineError
from paunchd.reconcile.model import Lane

EVIDENCE_LINES = 200


async def evidence_of(engine: Engine, container_id: str | None, lane: Lane) -> dict[str, object]:
    """Return what an operator wants to see of a failed revision, which *lane* rejects."""
    evidence: dict[str, object] = {"plan": str(lane)}
    if container_id is None:
        return evidence
    evidence["logs"] = await output_of(engine, container_id, EVIDENCE_LINES)
    try:
        details = await engine.inspect(container_id)
    except EngineError:
        return evidence
    return evidence | {
        "exit_code": details.exit_code,
        "oom_killed": details.oom_killed,
        "restart_count": details.restart_count,
        "health_output": details.health_output,
        "error": details.error,
    }


async def output_of(engine: Engine, container_id: str, lines: int) -> str:
    """Return its last *lines*; nothing where its log driver cannot be read back."""
    try:
        return await engine.logs(container_id, lines)
    except EngineError:
        return ""
