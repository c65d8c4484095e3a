"""The allow-list proxy of one attempt: everything that leaves its sandbox is asked for here.

It listens on a Unix socket in the sandbox's door (`sandbox/door.py`) and lives in a thread of the runner's process
(`sandbox/serving.py`), because only that process lives as long as the attempt, knows what the job may, and writes its
log. Whoever connects is hostile: heads are bounded, everything has a time limit, and what a connection needs at most is
a few buffers.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import NamedTuple

import h11

from sandbox.carry import Carried, Streams, tunnel, unbuffered
from sandbox.egress.exchange import exchange, next_event
from sandbox.egress.ledger import Ledger
from sandbox.egress.outside import NotConnectedError, Outside
from sandbox.egress.request import CONNECT, MALFORMED, Asked, asked
from sandbox.serving import Serving

log = logging.getLogger(__name__)

CONNECTIONS = 64
HEAD_BYTES = 32 * 1024
HEAD_S = 30.0
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
        self._patterns = patterns
        self._outside = outside
        self._ledger = ledger
        self._limits = limits
        self._serving = Serving("the egress proxy")
        self._serving.add(listener, limits.connections, self._connection)

    def close(self) -> None:
        """Cut every connection and accept no more. Returns when nothing of it runs. Harmless the second time."""
        self._serving.close()
        self._outside.close()

    async def _connection(self, inside: Streams) -> None:
        try:
            await self._serve(inside)
        except h11.ProtocolError as error:
            log.debug("a connection of the egress proxy was no HTTP: %s", error)

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
