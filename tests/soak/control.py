"""An idle process that measures how late its own event loop is, every second as the daemon does, and prints it.

Where it is late as well, it is the machine that is busy.
"""

import asyncio
import time

from paunchd.daemon import TICK_SECONDS


async def tick() -> None:
    while True:
        began = time.monotonic()
        await asyncio.sleep(TICK_SECONDS)
        print(max(0.0, time.monotonic() - began - TICK_SECONDS), flush=True)


if __name__ == "__main__":
    asyncio.run(tick())
