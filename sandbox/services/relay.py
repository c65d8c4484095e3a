"""Joins connections that a job makes with connections that its services' sandboxes make: neither reaches the other.

Both come to sockets of the node's, in the door of each sandbox (`sandbox/door.py`). When the job connects, the service
is asked to: its agent then connects to the program on one side and to its door on the other. So no sandbox listens on
anything of the node's, and none can make anything there (that would take gVisor's `--host-uds=all`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import NamedTuple

from sandbox.carry import BUFFER_BYTES, Carried, Streams, tunnel, unbuffered
from sandbox.serving import Serving

CONNECTIONS = 128
ANSWER_S = 15.0
# A connection to a database may do nothing for as long as a job may take.
_IDLE_S = 86_400.0


class Way(NamedTuple):
    """From the job's listener to the service's; `ask` has the service connect, from another thread."""

    job: socket.socket
    service: socket.socket
    ask: Callable[[], None]


class Relay:
    """Serves ways until it is closed."""

    def __init__(self) -> None:
        self._serving = Serving("the services' relay")

    def add(self, way: Way) -> None:
        """From now on the job's connections go this way. The job's listener is the relay's to close."""
        way.service.setblocking(False)
        turn = asyncio.Lock()  # so that each connection gets the answer to its own question

        async def join(job: Streams) -> None:
            async with turn, asyncio.timeout(ANSWER_S):
                way.ask()
                answer, _ = await asyncio.get_running_loop().sock_accept(way.service)
            service = unbuffered(await asyncio.open_unix_connection(sock=answer, limit=BUFFER_BYTES))
            try:
                await tunnel(job, service, b"", Carried(_IDLE_S))
            finally:
                service[1].transport.abort()

        self._serving.add(way.job, CONNECTIONS, join)

    def close(self) -> None:
        """Cut every connection. Returns when nothing of it runs. Harmless the second time."""
        self._serving.close()
