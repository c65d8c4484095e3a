"""One plain HTTP request and its answer, each parsed and then written anew: what goes out is what was judged.

Nothing of the job's bytes reaches the other side as they came, so no second request can hide in the first
(https://portswigger.net/web-security/request-smuggling): h11 reads the framing strictly and writes its own. `Host` is
the URL's, headers that are for this connection alone end here (RFC 9110, section 7.6.1), and there is one request a
connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import h11

from sandbox.carry import BUFFER_BYTES, Carried, Streams
from sandbox.egress.request import Asked

ANSWER_HEAD_BYTES = 64 * 1024

_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"expect", b"host"})
_Headers = list[tuple[bytes, bytes]]


async def next_event(http: h11.Connection, reader: asyncio.StreamReader) -> h11.Event:
    """What comes next. Errors: `h11.RemoteProtocolError`, `OSError`."""
    while True:
        event = http.next_event()
        if isinstance(event, h11.Event):
            return event
        if event is h11.PAUSED:  # it says more than it was asked for
            return h11.ConnectionClosed()
        http.receive_data(await reader.read(BUFFER_BYTES))


def forwarded(headers: Iterable[tuple[bytes, bytes]]) -> _Headers:
    """The headers that go on, without `Host`: those for this connection alone, and any for a proxy, are left out."""
    kept = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in kept if name == b"connection" for part in value.split(b",")}
    named -= {b"content-length", b"transfer-encoding"}  # the framing is not the client's to take away
    if any(name == b"transfer-encoding" for name, _ in kept):
        named.add(b"content-length")
    return [
        (name, value)
        for name, value in kept
        if name not in _HOP_BY_HOP and name not in named and not name.startswith(b"proxy-")
    ]


async def exchange(
    http: h11.Connection, request: h11.Request, asked: Asked, inside: Streams, outside: Streams, carried: Carried
) -> None:
    """Send the request on, and its answer back. Errors: `h11.ProtocolError`, `OSError`, `TimeoutError`."""
    there = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_HEAD_BYTES)
    head = [(b"host", asked.host.encode()), *forwarded(request.headers), (b"connection", b"close")]
    out = h11.Request(method=request.method, target=asked.path, headers=head)
    async with carried.watched():
        await carried.send(outside, there.send(out) or b"")
        if http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            await carried.receive(inside, http.send(go_on) or b"")
        up = asyncio.create_task(_upwards(http, there, inside, outside, carried))
        try:
            await _downwards(http, there, inside, outside, carried)
        finally:
            up.cancel()


async def _upwards(
    http: h11.Connection, there: h11.Connection, inside: Streams, outside: Streams, carried: Carried
) -> None:
    """The request's body. Trailers are left out."""
    while isinstance(event := await next_event(http, inside[0]), h11.Data):
        await carried.send(outside, there.send(h11.Data(data=event.data)) or b"")
    if isinstance(event, h11.EndOfMessage):
        await carried.send(outside, there.send(h11.EndOfMessage()) or b"")


async def _downwards(
    http: h11.Connection, there: h11.Connection, inside: Streams, outside: Streams, carried: Carried
) -> None:
    while True:
        event = await next_event(there, outside[0])
        if isinstance(event, h11.InformationalResponse):
            continue
        answer: h11.Event
        if isinstance(event, h11.Response):
            headers = [*forwarded(event.headers), (b"connection", b"close")]
            answer = h11.Response(status_code=event.status_code, reason=event.reason, headers=headers)
        elif isinstance(event, h11.Data):
            answer = h11.Data(data=event.data)
        elif isinstance(event, h11.EndOfMessage):
            answer = h11.EndOfMessage()
        else:
            raise h11.RemoteProtocolError("the answer broke off")
        await carried.receive(inside, http.send(answer) or b"")
        if isinstance(event, h11.EndOfMessage):
            return
