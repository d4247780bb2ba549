"""What a container has printed, as the engine keeps it. Runs in a worker's thread."""

from collections.abc import Iterator
from typing import Any

from docker.types.daemon import CancellableStream

from paunchd.engine import answers
from paunchd.engine.client import Client, send
from paunchd.engine.protocol import LogWish
from paunchd.engine.streams import Stream, demultiplexed


def read_logs(client: Client, ref: str, wish: LogWish, stream: Stream) -> Iterator[bytes]:
    """Yield both streams in their order: an empty piece once the engine answers, then as it comes."""
    with client.asked("read logs of", ref) as sdk:
        terminal = answers.has_terminal(sdk.inspect_container(ref))
        patience: Any = (sdk.timeout, None) if wish.follow else sdk.timeout  # it may be silent for as long as it likes
        path = f"/containers/{ref}/logs"
        with send(sdk, "GET", path, params=_query(wish), stream=True, timeout=patience) as response:
            stream.open(CancellableStream(iter(()), response))
            yield b""
            yield from response.raw.stream() if terminal else demultiplexed(response.raw.read)


def _query(wish: LogWish) -> dict[str, object]:
    asked = {"stdout": 1, "stderr": 1, "follow": int(wish.follow), "timestamps": int(wish.timestamps)}
    return {**asked, "tail": "all" if wish.tail is None else wish.tail}
