"""Starts an exec and keeps the connection that carries its streams.

Not through docker-py: its HTTP client reads ahead, and what a quick command has said by the time the headers are read
stays in that client's buffer, where nobody looks. The request is one of the simplest, and is made here
(https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Exec/operation/ExecStart).
"""

from __future__ import annotations

import json
import re
import socket

from models.errors import InfrastructureError

ANSWER_TIMEOUT_S = 60.0
HEADER_BYTES = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_STREAMS = {101, 200}  # with and without an upgrade: the body is the streams in both


def start_exec(
    docker_url: str, api_version: str, exec_id: str, *, terminal: bool = False
) -> tuple[socket.socket, bytes]:
    """Start it: the connection, and what has come on it already. With a `terminal` there are no frames on it.

    Errors: `InfrastructureError` when the engine refuses, or is not reached through a Unix socket; `OSError`.
    """
    scheme, _, path = docker_url.partition("://")
    if scheme != "unix":
        raise InfrastructureError("Docker is not reached through a Unix socket", remedy="use a unix:// address")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_TIMEOUT_S)
        connection.connect(path)
        connection.sendall(_request(api_version, exec_id, terminal))
        return connection, _first_output(connection)
    except BaseException:
        connection.close()
        raise


def _request(api_version: str, exec_id: str, terminal: bool) -> bytes:
    body = json.dumps({"Detach": False, "Tty": terminal}).encode()
    head = (
        f"POST /v{api_version}/exec/{exec_id}/start HTTP/1.1\r\n"
        "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _first_output(connection: socket.socket) -> bytes:
    """Read the answer's head; what came behind it."""
    received = b""
    while b"\r\n\r\n" not in received and len(received) < HEADER_BYTES:
        data = connection.recv(HEADER_BYTES)
        if not data:
            break
        received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None or int(status[1]) not in _STREAMS:
        said = head.partition(b"\r\n")[0] + b" " + rest[:500]
        raise InfrastructureError(f"Docker did not start a command: {said.decode(errors='replace').strip()}")
    return rest
