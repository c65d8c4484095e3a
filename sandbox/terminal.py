"""A shell with a terminal, in a sandbox that is ready for a job's first step. What is typed comes from elsewhere."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Mapping
from queue import SimpleQueue

from models.terminal import Typed
from sandbox.container import Sandbox
from sandbox.engine import docker_errors
from sandbox.process import READ_BYTES, TICK_S

_SHELL = ["/bin/bash", "--login", "-i"]


class Keyboard:
    """What was typed and has not arrived yet. `type` may be called from any thread; close it in the end."""

    def __init__(self) -> None:
        self._typed: SimpleQueue[Typed] = SimpleQueue()
        self.bell, self._ringer = socket.socketpair()

    def type(self, typed: Typed) -> None:
        """Hand it over."""
        self._typed.put(typed)
        self._ringer.send(b".")

    def take(self) -> list[Typed]:
        """All that is there, once `bell` can be read."""
        self.bell.recv(READ_BYTES)
        return [self._typed.get() for _ in range(self._typed.qsize())]

    def close(self) -> None:
        """Nothing will be typed any more."""
        self.bell.close()
        self._ringer.close()


def attend(
    sandbox: Sandbox,
    environment: Mapping[str, str],
    keyboard: Keyboard,
    show: Callable[[bytes], None],
    guard: Callable[[], None],
) -> None:
    """Run a shell until it ends, its sandbox does, or nobody is there any more.

    `show` takes what it prints, terminal codes and all. `guard` is called at least every 0.1 s and ends it by raising.
    """
    with docker_errors("open a terminal"):
        terminal = sandbox.terminal(_SHELL, {"TERM": "xterm-256color", **environment})
        with terminal.connection as connection, selectors.DefaultSelector() as selector:
            show(terminal.first)
            selector.register(connection, selectors.EVENT_READ)
            selector.register(keyboard.bell, selectors.EVENT_READ)
            while True:
                guard()
                ended = sandbox.watch.ended.is_set()
                ready = [key.fileobj for key, _ in selector.select(TICK_S)]
                if connection in ready:
                    data = connection.recv(READ_BYTES)
                    if not data:
                        return
                    show(data)
                elif ended:
                    return
                if keyboard.bell in ready:
                    for typed in keyboard.take():
                        if typed.left:
                            return
                        if typed.size is not None:
                            terminal.resize(*typed.size)
                        connection.sendall(typed.text.encode())
