"""A real engine, a real image, and one way to run a job on them that looks afterwards whether anything is left."""

from __future__ import annotations

import hashlib
import io
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import docker
import pytest
from pydantic import SecretStr

from cluster.images.build import prepare
from cluster.images.runners import RUNNER_PYTHON
from models.caches import CacheHit
from models.errors import InfrastructureError, NotFound
from models.ids import AttemptId, BlobId, JobId
from models.job import JobSpec, Resources
from models.logs import LogChunk, LogSource
from models.result import AttemptResult
from models.settings import SandboxSettings
from sandbox.attempt import run_attempt
from sandbox.door import Doors
from sandbox.egress.outside import World
from sandbox.spec import SandboxSpec
from sandbox.supplies import Interact, Supplies
from tests.tars import tar_of


@pytest.fixture(scope="session")
def image(docker_url: str) -> str:
    """The image that jobs run in by default, made if it is not there."""
    client = docker.DockerClient(base_url=docker_url)
    try:
        prepare(client, RUNNER_PYTHON, print)
    finally:
        client.close()
    return RUNNER_PYTHON.tag


class MemoryBlobs:
    """A blob sink that a test can look into."""

    def __init__(self) -> None:
        self.content: dict[BlobId, bytes] = {}

    def put(self, stream: BinaryIO, limit_bytes: int) -> tuple[BlobId, int]:
        content = stream.read()
        if len(content) > limit_bytes:
            raise InfrastructureError("too large")
        blob = BlobId(hashlib.sha256(content).hexdigest())
        self.content[blob] = content
        return blob, len(content)

    def open(self, blob: BlobId) -> BinaryIO:
        if blob not in self.content:
            raise NotFound(f"there is no blob {blob}")
        return io.BytesIO(self.content[blob])


@dataclass
class Laboratory:
    """Runs jobs. `tree` is the source; `seen` is called with each chunk as it comes."""

    docker_url: str
    image: str
    installation: str = field(default_factory=lambda: f"test-{secrets.token_hex(6)}")
    tree: dict[str, bytes] = field(default_factory=dict)
    chunks: list[LogChunk] = field(default_factory=list)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    cancelled: threading.Event = field(default_factory=threading.Event)
    settings: SandboxSettings = field(default_factory=SandboxSettings)
    seen: Callable[[LogChunk], None] = lambda _: None
    on_ready: Callable[[], None] = lambda: None
    doors: Doors | None = None
    world: World = field(default_factory=World)
    caches: MemoryBlobs = field(default_factory=MemoryBlobs)
    restore: tuple[CacheHit, ...] = ()
    resolve: Callable[[str], str] = str
    claim: Callable[[SandboxSpec], str | None] = lambda _: None
    report: Callable[[AttemptResult], None] = lambda _: None
    interact: Interact | None = None
    secrets: dict[str, SecretStr] = field(default_factory=dict)

    def run(self, *steps: str, **job: Any) -> AttemptResult:
        """Run these steps as one job."""
        resources = Resources(**{"memory_mb": 512, "workspace_mb": 128, **job.pop("resources", {})})
        supplies = Supplies(
            docker_url=self.docker_url,
            installation=self.installation,
            settings=self.settings,
            image=self.image,
            source=self.source,
            sink=self.sink,
            blobs=self.blobs,
            cancelled=self.cancelled,
            doors=self.doors,
            resolve=self.resolve,
            world=self.world,
            claim=self.claim,
            caches=self.caches,
            restore=self.restore,
            on_ready=self.on_ready,
            report=self.report,
            interact=self.interact,
            secrets=self.secrets,
        )
        spec = JobSpec(id=JobId("job"), run=steps, resources=resources, **job)
        return run_attempt(spec, AttemptId("r1.job.1"), supplies)

    @contextmanager
    def source(self) -> Iterator[BinaryIO]:
        yield io.BytesIO(tar_of(self.tree))

    def sink(self, chunks: list[LogChunk]) -> None:
        self.chunks.extend(chunks)
        for chunk in chunks:
            self.seen(chunk)

    @property
    def output(self) -> str:
        """What the job has said."""
        return "".join(chunk.text for chunk in self.chunks if chunk.source is LogSource.JOB)

    @property
    def told(self) -> str:
        """What Delta has said."""
        return "".join(chunk.text for chunk in self.chunks if chunk.source is LogSource.DELTA)

    def left(self) -> list[str]:
        """The containers of this laboratory that are still there."""
        client = docker.DockerClient(base_url=self.docker_url)
        try:
            label = f"delta.installation={self.installation}"
            return [found["Id"] for found in client.api.containers(all=True, filters={"label": label})]
        finally:
            client.close()


@pytest.fixture
def lab(docker_url: str, image: str, tmp_path: Path) -> Iterator[Laboratory]:
    """A laboratory; the test fails when it leaves a container, or a door."""
    laboratory = Laboratory(docker_url, image, doors=Doors(tmp_path / "doors"))
    yield laboratory
    assert laboratory.left() == []
    assert list(tmp_path.glob("doors/*/*")) == []
