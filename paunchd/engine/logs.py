"""What a container has printed, as the engine keeps it. Runs in a worker's thread."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docker.types.daemon import CancellableStream

from paunchd.engine import answers
from paunchd.engine.client import Client, send
from paunchd.engine.streams import Stream, demultiplexed


@dataclass(frozen=True, slots=True)
class Wanted:
    """From the newest *tail* lines on, or from the first with ``None``; *follow*: and what is still to come."""

    tail: int | None
    follow: bool = False
    timestamps: bool = False

    @property
    def query(self) -> dict[str, object]:
        asked = {"stdout": 1, "stderr": 1, "follow": int(self.follow), "timestamps": int(self.timestamps)}
        return {**asked, "tail": "all" if self.tail is None else self.tail}


def read_logs(client: Client, ref: str, wanted: Wanted, stream: Stream) -> Iterator[bytes]:
    """Yield both streams in their order: an empty piece once the engine answers, then as it comes."""
    with client.asked("read logs of", ref) as sdk:
        terminal = answers.has_terminal(sdk.inspect_container(ref))
        patience: Any = (
            (sdk.timeout, None) if wanted.follow else sdk.timeout
        )  # it may be silent for as long as it likes
        path = f"/containers/{ref}/logs"
        with send(sdk, "GET", path, params=wanted.query, stream=True, timeout=patience) as response:
            stream.open(CancellableStream(iter(()), response))
            yield b""
            yield from response.raw.stream() if terminal else demultiplexed(response.raw.read)
