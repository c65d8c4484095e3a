"""The allow-list proxy of one attempt: everything that leaves its sandbox is asked for here.

It listens on a Unix socket in the sandbox's door (`sandbox/door.py`) and lives in a thread of the runner's process,
because only that process lives as long as the attempt, knows what the job may, and writes its log. Whoever connects is
hostile: heads are bounded, connections are bounded in number (further ones wait unaccepted), everything has a time
limit, and what a connection needs at most is a few buffers. It closes with the attempt, and cuts what is still open.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import NamedTuple

import h11

from sandbox.egress.carry import Carried, tunnel, unbuffered
from sandbox.egress.exchange import exchange, next_event
from sandbox.egress.ledger import Ledger
from sandbox.egress.outside import BUFFER_BYTES, NotConnectedError, Outside, Streams
from sandbox.egress.request import CONNECT, MALFORMED, Asked, asked

log = logging.getLogger(__name__)

CONNECTIONS = 64
HEAD_BYTES = 32 * 1024
HEAD_S = 30.0
# After an error of the node's own, such as too many open files.
AGAIN_S = 0.2

_OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Limits(NamedTuple):
    """`connections` at a time; seconds until a request's head must have come."""

    connections: int = CONNECTIONS
    head_s: float = HEAD_S


class EgressProxy:
    """Serves `listener` from construction until `close`. `patterns` are the job's hosts."""

    def __init__(
        self,
        listener: socket.socket,
        patterns: Sequence[str],
        outside: Outside,
        ledger: Ledger,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        self._listener = listener
        self._patterns = patterns
        self._outside = outside
        self._ledger = ledger
        self._limits = limits
        self._begun = Event()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener.setblocking(False)
        self._thread = Thread(target=lambda: asyncio.run(self._live()), name="egress", daemon=True)
        self._thread.start()
        self._begun.wait()

    def close(self) -> None:
        """Cut every connection and accept no more. Returns when nothing of it runs. Harmless the second time."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._listener.close()
        self._outside.close()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun.set()
        connections: set[asyncio.Task[None]] = set()
        accepting = asyncio.create_task(self._accept(connections))
        await self._stop.wait()
        for task in (accepting, *connections):
            task.cancel()
        await asyncio.gather(accepting, *connections, return_exceptions=True)

    async def _accept(self, connections: set[asyncio.Task[None]]) -> None:
        loop = asyncio.get_running_loop()
        places = asyncio.Semaphore(self._limits.connections)

        def over(task: asyncio.Task[None]) -> None:
            connections.discard(task)
            places.release()
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a connection of the egress proxy failed", exc_info=error)

        while True:
            await places.acquire()
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                places.release()
                log.warning("the egress proxy cannot accept a connection: %s", error)
                await asyncio.sleep(AGAIN_S)
                continue
            task = asyncio.create_task(self._connection(connection))
            connections.add(task)
            task.add_done_callback(over)

    async def _connection(self, connection: socket.socket) -> None:
        inside = unbuffered(await asyncio.open_unix_connection(sock=connection, limit=BUFFER_BYTES))
        try:
            await self._serve(inside)
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            log.debug("a connection of the egress proxy ended early: %s", error)
        finally:
            inside[1].transport.abort()

    async def _serve(self, inside: Streams) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        try:
            async with asyncio.timeout(self._limits.head_s):
                request = await _head(http, inside)
        except h11.RemoteProtocolError as error:
            self._ledger.denied(Asked("?", "", 0, "", MALFORMED), MALFORMED)
            await _answer(inside, error.error_status_hint, MALFORMED)
            return
        if request is None:
            return
        wish = asked(request.method.decode(), request.target.decode(), self._patterns)
        if wish.denied:
            self._ledger.denied(wish, wish.denied)
            await _answer(inside, 403, f"denied by Delta: {wish.denied}")
            return
        try:
            address, outside = await self._outside.connect(wish.host, wish.port)
        except NotConnectedError as error:
            if error.denied:
                self._ledger.denied(wish, error.reason, str(error))
                await _answer(inside, 403, f"denied by Delta: {error.reason}")
            else:
                self._ledger.failed(wish, error.reason)
                await _answer(inside, 502, error.reason)
            return
        await self._carry(http, request, wish, inside, unbuffered(outside), address)

    async def _carry(
        self, http: h11.Connection, request: h11.Request, wish: Asked, inside: Streams, outside: Streams, address: str
    ) -> None:
        key = self._ledger.allowed(wish, address)
        carried = Carried()
        try:
            if wish.method == CONNECT:
                inside[1].write(_OPENED)
                await tunnel(inside, outside, http.trailing_data[0], carried)
            else:
                await exchange(http, request, wish, inside, outside, carried)
        except h11.RemoteProtocolError:
            if http.our_state is h11.SEND_RESPONSE:
                await _answer(inside, 502, "its answer is not HTTP")
            raise
        finally:
            outside[1].transport.abort()
            self._ledger.carried(key, carried.sent_bytes, carried.received_bytes)


async def _head(http: h11.Connection, inside: Streams) -> h11.Request | None:
    """The request; None when it is closed without one. Errors: `h11.RemoteProtocolError`."""
    event = await next_event(http, inside[0])
    if not isinstance(event, h11.Request):
        return None
    if event.method == CONNECT.encode() and not isinstance(http.next_event(), h11.EndOfMessage):
        raise h11.RemoteProtocolError("CONNECT with a body")
    return event


async def _answer(inside: Streams, status: int, reason: str) -> None:
    """The proxy's own words, and the end. `reason` is Delta's: nothing of the request is repeated."""
    body = f"{reason}\n".encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    inside[1].write(head.encode() + body)
    await asyncio.wait_for(inside[1].drain(), HEAD_S)
