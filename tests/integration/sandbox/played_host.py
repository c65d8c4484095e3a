"""A host of the world outside, played on the node's loopback, so that the world is the same everywhere."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

from sandbox.carry import Streams


class PlayedHost:
    """A host that counts who comes, and answers each `hi` at once."""

    def __init__(self) -> None:
        self.visits = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.visits += 1
                with connection:
                    connection.settimeout(5)
                    with suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    async def dial(self, *_: object) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
