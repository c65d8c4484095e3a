"""An engine played by hand on a real socket: what it sends with its headers is not lost, and refusals are errors."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.errors import InfrastructureError
from sandbox.hijack import start_exec

UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@contextmanager
def engine(folder: Path, *answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Sends these pieces to the first who asks, then closes; gives its address, and what was asked."""
    asked: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "s"))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(65_536))
            for answer in answers:
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"unix://{folder / 's'}", asked
    finally:
        thread.join()
        listener.close()


def test_what_comes_with_the_headers_is_given_too(tmp_path: Path) -> None:
    with engine(tmp_path, UPGRADED + b"\1\0\0\0\0\0\0\5hello") as (url, asked):
        connection, first = start_exec(url, "1.41", "abc")
        with connection:
            rest = b"".join(iter(lambda: connection.recv(100), b""))
        assert first + rest == b"\1\0\0\0\0\0\0\5hello"
        assert asked[0].startswith(b"POST /v1.41/exec/abc/start HTTP/1.1\r\n")
        assert asked[0].endswith(b'\r\n\r\n{"Detach": false, "Tty": false}')


def test_headers_may_come_in_pieces(tmp_path: Path) -> None:
    with engine(tmp_path, UPGRADED[:10], UPGRADED[10:-2], UPGRADED[-2:] + b"x") as (url, _):
        connection, first = start_exec(url, "1.41", "abc")
        with connection:
            assert first + b"".join(iter(lambda: connection.recv(100), b"")) == b"x"


def test_a_refusal_is_an_error_with_the_engines_words(tmp_path: Path) -> None:
    refusal = b'HTTP/1.1 409 Conflict\r\nContent-Length: 41\r\n\r\n{"message":"Container abc is not running"}'
    with engine(tmp_path, refusal) as (url, _), pytest.raises(InfrastructureError, match=r"409 .*is not running"):
        start_exec(url, "1.41", "abc")


def test_an_engine_that_hangs_up_is_an_error(tmp_path: Path) -> None:
    with engine(tmp_path) as (url, _), pytest.raises(InfrastructureError, match="did not start"):
        start_exec(url, "1.41", "abc")


def test_only_a_unix_socket_will_do() -> None:
    with pytest.raises(InfrastructureError, match="Unix socket"):
        start_exec("tcp://127.0.0.1:2375", "1.41", "abc")
