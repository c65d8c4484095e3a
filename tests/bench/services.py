"""How long a service takes to be ready, and what a job's question to it costs beside one on its own loopback.

`direct` asks a small server in the job's own sandbox, `beside` a Redis that is a service; both from the same program.
Seconds: `question` on a connection that is open, `8mb` of a value set, `connect` a new connection with one question.
"""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from cluster.blobs import LocalBlobs
from cluster.host.engine import connect, engine
from cluster.images.build import prepare
from cluster.images.catalog import CATALOG, resolve
from models.ids import AttemptId, JobId
from models.job import JobSpec, ServiceSpec
from models.logs import LogChunk
from models.result import Outcome
from models.settings import SandboxSettings
from sandbox.attempt import run_attempt
from sandbox.door import Doors
from sandbox.supplies import Supplies
from tests.bench.figures import show, spread
from tests.tars import tar_of

ROUNDS = 5
ASK = rb"""
import os, socket, time
if os.fork() == 0:
    listener = socket.create_server(("127.0.0.1", 7000), backlog=64)
    while True:
        connection, _ = listener.accept()
        while said := connection.recv(65536):
            if said.endswith(b"\r\n"):
                connection.sendall(b"+PONG\r\n" if said == b"PING\r\n" else b"+OK\r\n")
time.sleep(1)
def opened(port):
    return socket.create_connection(("127.0.0.1", port))
def ping(to):
    to.sendall(b"PING\r\n")
    assert to.recv(100) == b"+PONG\r\n"
for name, port in (("direct", 7000), ("beside", 6379)):
    with opened(port) as to:
        begun = time.monotonic()
        for _ in range(500):
            ping(to)
        print(name, "question", (time.monotonic() - begun) / 500)
        big = b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$8000000\r\n" + b"x" * 8_000_000 + b"\r\n"
        begun = time.monotonic()
        to.sendall(big)
        assert to.recv(100) == b"+OK\r\n"
        print(name, "8mb", time.monotonic() - begun)
    begun = time.monotonic()
    for _ in range(20):
        with opened(port) as to:
            ping(to)
    print(name, "connect", (time.monotonic() - begun) / 20)
"""
STEPS = ("python3 ask.py",)


def main() -> None:
    """Measures and prints."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="delta-bench-") as folder, engine() as docker_url:
        client = connect(docker_url)
        for name in ("runner-python", "service-redis", "service-postgres"):
            prepare(client, CATALOG[name], lambda _: None)
        client.close()
        for _ in range(ROUNDS):
            said = _run(docker_url, Path(folder))
            for name, what, spent in re.findall(r"^(\w+) (\w+) ([\d.e-]+)$", said, re.MULTILINE):
                found.setdefault(f"{name}_{what}_s", []).append(float(spent))
            for name, spent in re.findall(r"service (\w+): .* ready after ([\d.]+) s", said):
                found.setdefault(f"{name}_ready_s", []).append(float(spent))
    show("services", rounds=ROUNDS, **{name: spread(values) for name, values in found.items()})


def _run(docker_url: str, folder: Path) -> str:
    said: list[str] = []

    def sink(chunks: list[LogChunk]) -> None:
        said.extend(chunk.text for chunk in chunks)

    supplies = Supplies(
        docker_url=docker_url,
        installation=f"bench-{secrets.token_hex(4)}",
        settings=SandboxSettings(),
        image=resolve("runner-python"),
        source=_source,
        sink=sink,
        blobs=LocalBlobs(folder),
        cancelled=threading.Event(),
        resolve=resolve,
        doors=Doors(folder / "doors"),
    )
    services = tuple(ServiceSpec(name=name, image=f"service-{name}") for name in ("redis", "postgres"))
    result = run_attempt(JobSpec(id=JobId("bench"), run=STEPS, services=services), AttemptId("r0.bench.1"), supplies)
    assert result.outcome is Outcome.PASSED, (result, "".join(said))
    return "".join(said)


@contextmanager
def _source() -> Iterator[BinaryIO]:
    yield BytesIO(tar_of({"ask.py": ASK}))


if __name__ == "__main__":
    main()
