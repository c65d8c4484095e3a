"""A door on the node's side, and the forwarder that images without `socat` get, on real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from models.errors import InfrastructureError
from sandbox import forwarder
from sandbox.door import Doors
from sandbox.names import warm_name
from sandbox.unavailable import SandboxUnavailableError


def test_a_door_is_private_and_what_is_in_it_is_readable(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.write_text("certificates")
    previous = os.umask(0o077)
    try:
        door = Doors(tmp_path / "doors", bundle).make(warm_name("i"))
    finally:
        os.umask(previous)
    assert door.path.parent.stat().st_mode & 0o777 == 0o700
    assert door.path.stat().st_mode & 0o777 == 0o755
    assert {file.name: file.stat().st_mode & 0o777 for file in door.path.iterdir()} == {
        "ca.pem": 0o444,
        "forwarder.py": 0o444,
    }


def test_a_socket_can_be_made_however_long_the_path(tmp_path: Path) -> None:
    door = Doors(tmp_path / ("x" * 150)).make(warm_name("i"))
    listener = door.listen("egress")
    assert (door.path / "egress.sock").stat().st_mode & 0o777 == 0o666
    with pytest.raises(InfrastructureError, match="no socket could be made"):
        door.listen("egress")
    listener.close()
    door.remove()
    assert not door.path.exists()


def test_certificates_that_are_missing_leave_no_door(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailableError, match=r"missing.*sandbox\.ca_bundle"):
        Doors(tmp_path / "doors", tmp_path / "missing").make(warm_name("i"))
    assert list(tmp_path.glob("doors/*/*")) == []


def test_only_old_doors_without_a_container_are_swept(tmp_path: Path) -> None:
    doors, names = Doors(tmp_path), [warm_name("i") for _ in range(3)]
    kept, orphan, young = (doors.make(name) for name in names)
    for door in (kept, orphan):
        os.utime(door.path, (0, 0))
    doors.sweep([f"/{names[0]}", "/another"])
    assert [door.path.exists() for door in (kept, orphan, young)] == [True, False, True]
    Doors(tmp_path / "none").sweep([])


def test_the_forwarder_carries_both_directions_and_their_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket() as free:
        listener.bind(path)
        listener.listen()
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        threading.Thread(target=forwarder.main, args=(port, path), daemon=True).start()
        connection = _connected(port)
        with connection:
            connection.sendall(b"x" * 1_000_000)
            connection.shutdown(socket.SHUT_WR)
            there, _ = listener.accept()
            with there:
                assert len(_all(there)) == 1_000_000
                there.sendall(b"answer")
            assert _all(connection) == b"answer"


def test_the_forwarder_is_a_program_that_needs_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-S", forwarder.__file__, "not a port"], capture_output=True, text=True, check=False
    )
    assert "invalid literal for int()" in run.stderr


def _connected(port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            continue  # it has not begun to listen


def _all(connection: socket.socket) -> bytes:
    data = bytearray()
    while piece := connection.recv(65536):
        data += piece
    return bytes(data)
