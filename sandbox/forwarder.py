"""Runs inside a sandbox whose image has no `socat`: carries connections from a port on loopback to a socket.

`python3 forwarder.py PORT SOCKET`. Standard library of any Python 3.7 or later; never imported by Delta.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading

CONNECTIONS = 128
PIECE = 64 * 1024


def main(port: int, path: str) -> None:
    """Serve until killed."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(CONNECTIONS)
    places = threading.BoundedSemaphore(CONNECTIONS)
    while True:
        places.acquire()
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, path, places), daemon=True).start()


def serve(connection: socket.socket, path: str, places: threading.BoundedSemaphore) -> None:
    """One connection, until both directions have ended."""
    try:
        with connection, socket.socket(socket.AF_UNIX) as there:
            there.connect(path)
            back = threading.Thread(target=pump, args=(there, connection), daemon=True)
            back.start()
            pump(connection, there)
            back.join()
    except OSError:
        return  # nobody listens; the client sees its connection closed
    finally:
        places.release()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy one direction to its end, and pass the end on."""
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(PIECE)
            if not data:
                break
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
