"""The container engine: what is asked of it (``protocol``), and Docker's answer to that (``docker_engine``).

Only ``client`` and ``docker_engine`` know the docker SDK. What the engine is sent and what it says are
translated in pure modules (``config``, ``answers``, ``refusals``), so that they can be tested without one.
"""

from paunchd.engine.docker_engine import DockerEngine
from paunchd.engine.protocol import OUTPUT_LIMIT, Engine, ExecResult

__all__ = ["OUTPUT_LIMIT", "DockerEngine", "Engine", "ExecResult"]
