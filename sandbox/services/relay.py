"""Joins connections that a job makes with connections that its services' sandboxes make: neither reaches the other.

Both come to sockets of the node's, in the door of each sandbox (`sandbox/door.py`). When the job connects, the service
is asked to: its agent then connects to the program on one side and to its door on the other. So no sandbox listens on
anything of the node's, and none can make anything there (that would take gVisor's `--host-uds=all`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Event, Thread
from typing import NamedTuple

from sandbox.egress.carry import Carried, tunnel, unbuffered
from sandbox.egress.outside import BUFFER_BYTES

log = logging.getLogger(__name__)

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
    """Serves ways until it is closed, in a thread of its own."""

    def __init__(self) -> None:
        self._begun = Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ways: list[Way] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = Thread(target=self._run, name="services", daemon=True)
        self._thread.start()
        self._begun.wait()

    def add(self, way: Way) -> None:
        """From now on the job's connections go this way. Its sockets are the relay's to close."""
        self._ways.append(way)
        way.job.setblocking(False)
        way.service.setblocking(False)
        self._loop.call_soon_threadsafe(self._spawn_accept, way)

    def close(self) -> None:
        """Cut every connection. Returns when nothing of it runs. Harmless the second time."""
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        for way in self._ways:
            way.job.close()
            way.service.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        self._begun.set()
        await self._stop.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn_accept(self, way: Way) -> None:
        self._spawn(self._accept(way))

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, way: Way) -> None:
        places = asyncio.Semaphore(CONNECTIONS)
        turn = asyncio.Lock()
        while True:
            await places.acquire()
            connection, _ = await self._loop.sock_accept(way.job)
            task = self._spawn(self._join(way, connection, turn))
            task.add_done_callback(lambda _: places.release())

    async def _join(self, way: Way, connection: socket.socket, turn: asyncio.Lock) -> None:
        job = unbuffered(await asyncio.open_unix_connection(sock=connection, limit=BUFFER_BYTES))
        try:
            async with turn, asyncio.timeout(ANSWER_S):
                way.ask()
                answer, _ = await self._loop.sock_accept(way.service)
            service = unbuffered(await asyncio.open_unix_connection(sock=answer, limit=BUFFER_BYTES))
            try:
                await tunnel(job, service, b"", Carried(_IDLE_S))
            finally:
                service[1].transport.abort()
        except (OSError, TimeoutError) as error:
            log.debug("a connection to a service ended early: %s", error)
        finally:
            job[1].transport.abort()
