"""Carries bytes between a connection from inside and one to outside: counted, bounded, ended when nothing comes.

Nothing is kept but what is on its way: a side that does not read holds the other one up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BUFFER_BYTES = 64 * 1024
IDLE_S = 300.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Carried:
    """What went through one connection so far."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self.sent_bytes = 0
        self.received_bytes = 0
        self._idle_s = idle_s
        self._limit: asyncio.Timeout | None = None

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Within it, `TimeoutError` is raised when nothing has been carried for the time of idleness."""
        async with asyncio.timeout(self._idle_s) as self._limit:
            yield

    async def send(self, streams: Streams, data: bytes) -> None:
        """To outside."""
        self.sent_bytes += len(data)
        await self._write(streams, data)

    async def receive(self, streams: Streams, data: bytes) -> None:
        """To inside."""
        self.received_bytes += len(data)
        await self._write(streams, data)

    async def _write(self, streams: Streams, data: bytes) -> None:
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + self._idle_s)
        streams[1].write(data)
        await streams[1].drain()


def unbuffered(streams: Streams) -> Streams:
    """`drain` waits until all that was written is the kernel's: closing abruptly then loses nothing."""
    streams[1].transport.set_write_buffer_limits(high=0)
    return streams


async def tunnel(inside: Streams, outside: Streams, first: bytes, carried: Carried) -> None:
    """Both directions until both have ended. `first` came from inside already. Errors: `OSError`, `TimeoutError`."""

    async def upwards() -> None:
        data = first or await inside[0].read(BUFFER_BYTES)
        while data:
            await carried.send(outside, data)
            data = await inside[0].read(BUFFER_BYTES)
        outside[1].write_eof()

    async def downwards() -> None:
        while data := await outside[0].read(BUFFER_BYTES):
            await carried.receive(inside, data)
        inside[1].write_eof()

    async with carried.watched():
        up = asyncio.create_task(upwards())
        try:
            await downwards()
            await up
        finally:
            up.cancel()
