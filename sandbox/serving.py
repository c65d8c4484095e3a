"""Serves sockets that lead out of sandboxes, in a thread of the runner's process: for the egress proxy and services.

Whoever connects is hostile. So connections are bounded in number (further ones wait unaccepted), an error of one ends
nothing else, and all are cut when the attempt no longer needs them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from threading import Event, Thread

from sandbox.carry import BUFFER_BYTES, Streams, unbuffered

log = logging.getLogger(__name__)

# After an error of the node's own, such as too many open files.
AGAIN_S = 0.2

# Does what a connection from inside asks for. `OSError` and `TimeoutError` from it end that connection.
Handle = Callable[[Streams], Awaitable[None]]


class Serving:
    """Serves what it is given from then until `close`. `name` is the thread's, and what is logged."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = Event()
        self._stop = asyncio.Event()
        self._listeners: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=lambda: asyncio.run(self._live()), name=name, daemon=True)
        self._thread.start()
        self._begun.wait()

    def add(self, listener: socket.socket, connections: int, handle: Handle) -> None:
        """Serve this one too, at most so many connections at a time. Closing it is left to `close`."""
        self._listeners.append(listener)
        listener.setblocking(False)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: self._spawn(self._accept(listener, connections, handle)))

    def close(self) -> None:
        """Cut every connection and accept no more. Returns when nothing of it runs. Harmless the second time."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        for listener in self._listeners:
            listener.close()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun.set()
        await self._stop.wait()
        left = set(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _accept(self, listener: socket.socket, connections: int, handle: Handle) -> None:
        places = asyncio.Semaphore(connections)
        while True:
            await places.acquire()
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError as error:
                places.release()
                log.warning("%s cannot accept a connection: %s", self._name, error)
                await asyncio.sleep(AGAIN_S)
                continue
            self._spawn(self._serve(connection, handle)).add_done_callback(lambda _: places.release())

    async def _serve(self, connection: socket.socket, handle: Handle) -> None:
        inside = unbuffered(await asyncio.open_unix_connection(sock=connection, limit=BUFFER_BYTES))
        try:
            await handle(inside)
        except (OSError, TimeoutError) as error:
            log.debug("a connection of %s ended early: %s", self._name, error)
        finally:
            inside[1].transport.abort()

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection of %s failed", self._name, exc_info=error)
