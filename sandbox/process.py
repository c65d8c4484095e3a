"""One command inside a running container: its input, its output as it comes, its exit code.

Docker carries an exec's streams over one hijacked connection, in frames of `[stream, 0, 0, 0, length]` and payload
(https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach). The output is
read without ever blocking for longer than `TICK_S`, so that the caller can look at its clock and its cancel signal.
"""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Iterator
from threading import Event
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import docker

from sandbox.hijack import start_exec

TICK_S = 0.1
READ_BYTES = 256 * 1024
STDOUT = 1
STDERR = 2


class Piece(NamedTuple):
    """Some output: `stream` is `STDOUT` or `STDERR`; empty `data` is a tick, at the latest every `TICK_S`."""

    stream: int
    data: bytes


TICK = Piece(0, b"")


class Input(Protocol):
    """What a command may be fed with."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


class Frames:
    """Cuts the connection's bytes into pieces. A piece may be a part of a frame: nothing waits for a frame's end."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = 0
        self._left = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces in `data`; an incomplete header is kept for the next call."""
        view = memoryview(data)
        while view:
            if not self._left:
                missing = 8 - len(self._header)
                self._header += bytes(view[:missing])
                view = view[missing:]
                if len(self._header) < 8:
                    return
                self._stream, self._left = struct.unpack(">BxxxL", self._header)
                self._header = b""
                continue
            payload = bytes(view[: self._left])
            view = view[len(payload) :]
            self._left -= len(payload)
            yield Piece(self._stream, payload)


class Process:
    """A command that has been started. Use as a context manager: leaving it closes the connection, not the command."""

    def __init__(self, docker_url: str, api: docker.APIClient, exec_id: str, container_ended: Event) -> None:
        self._api = api
        self._id = exec_id
        self._container_ended = container_ended
        self._socket, self._first = start_exec(docker_url, api.api_version, exec_id)
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def id(self) -> str:
        """Docker's id of the exec."""
        return self._id

    def pieces(self, stdin: Input | None = None) -> Iterator[Piece]:
        """The output until the command ends, or its container does. `stdin` is fed meanwhile and then closed.

        Ends about two seconds after the command when a process that the command left behind holds its output open
        (Docker waits for it that long).
        """
        frames = Frames()
        yield from frames.feed(self._first)
        feeder = _Feeder(self._socket, stdin) if stdin is not None else None
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if feeder else 0))
            while True:
                ended = self._container_ended.is_set()  # read before looking for output, so that the last is not missed
                ready = selector.select(TICK_S)
                events = ready[0][1] if ready else 0
                if events & selectors.EVENT_READ:
                    data = self._receive()
                    if not data:
                        return
                    yield from frames.feed(data)
                elif ended:
                    # gVisor does not always close the streams of a sandbox that died (seen with Docker 20.10).
                    return
                if feeder is not None and events & selectors.EVENT_WRITE and not feeder.feed():
                    selector.modify(self._socket, selectors.EVENT_READ)
                    feeder = None
                yield TICK

    def send(self, data: bytes) -> None:
        """Feed a few bytes to a command whose input nobody else feeds. Errors: `OSError` when it takes none."""
        self._socket.sendall(data)

    def exit_code(self) -> int | None:
        """The command's exit code; None while it runs, or when its container took it down."""
        code = self._api.exec_inspect(self._id)["ExitCode"]
        return None if code is None else int(code)

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(READ_BYTES)
        except ConnectionError:
            return b""


class _Feeder:
    """Copies a file into the socket, as much as fits at a time, and closes that direction at its end."""

    def __init__(self, connection: socket.socket, source: Input) -> None:
        self._socket = connection
        self._source = source
        self._pending = memoryview(b"")

    def feed(self) -> bool:
        """Send some. False when there is nothing more to send, or nobody left to read it."""
        try:
            if not self._pending:
                self._pending = memoryview(self._source.read(READ_BYTES))
                if not self._pending:
                    self._socket.shutdown(socket.SHUT_WR)
                    return False
            self._pending = self._pending[self._socket.send(self._pending) :]
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        return True
