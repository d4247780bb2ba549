"""A web server that loses no request when a newer copy of it takes over, with nothing but Python's standard library.

``service.py PORT``, on loopback; every answer is ``$VERSION``. Run inside a container, on the host's own network:

- it listens with SO_REUSEPORT, so that the newer copy can listen beside it;
- it says that it listens by a file that only its own container has, because the port would answer for the older copy;
- at its stop signal it sends new connections to the newer copy, answers those it has, and only then closes. Closed at
  once, it would reset what the kernel has already put in its queue.
"""

import asyncio
import ctypes
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

READY = Path("/tmp/listening")
WORK_SECONDS = 0.01
DRAIN_SECONDS = 0.2
SO_ATTACH_REUSEPORT_CBPF = 51
SO_DETACH_REUSEPORT_BPF = 68
RETURN_CONSTANT = 0x06
NEWER = 1


def listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    READY.unlink(missing_ok=True)
    listener.listen()
    with suppress(FileNotFoundError):  # what the copy before the last has left to the last one
        listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0)
    return listener


def steer_to_newer(listener: socket.socket) -> None:
    """Give new connections to the second of those that listen. Where this is the only one it goes on getting them."""
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", RETURN_CONSTANT, 0, 0, NEWER))
    program = struct.pack("HP", 1, ctypes.addressof(instruction))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program)


async def serve(listener: socket.socket, version: str) -> None:
    answering: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(WORK_SECONDS)
            head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(version)}\r\n\r\n"
            writer.write((head + version).encode())
            await writer.drain()
        writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(answer(reader, writer))
        answering.add(task)
        task.add_done_callback(answering.discard)

    asked_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    server = await asyncio.start_server(begin, sock=listener)
    await asyncio.to_thread(READY.touch)
    await asked_to_stop.wait()
    steer_to_newer(listener)
    await asyncio.sleep(DRAIN_SECONDS)
    server.close()
    await asyncio.gather(*answering)


if __name__ == "__main__":
    asyncio.run(serve(listen(int(sys.argv[1])), os.environ["VERSION"]))
