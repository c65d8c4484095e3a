"""What a runner is given when it is launched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.blobs import LocalBlobs
from models.settings import LeaseSettings, SandboxSettings


@dataclass(frozen=True)
class Surroundings:
    """What a runner is given: where things are on its node, and how it shall behave. It holds no secret of Delta's.

    `log_url` lets it append to logs and nothing else.
    """

    lease: LeaseSettings
    sandbox: SandboxSettings
    log_url: str
    docker_url: str
    installation: str
    mirrors: Path
    doors: Path
    blobs: LocalBlobs
    caches: LocalBlobs
