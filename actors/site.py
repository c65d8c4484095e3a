"""Where an installation's parts are, found or started: what actors and runners need beside the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.blobs import LocalBlobs
from sandbox.source.mirror import Mirrors


@dataclass(frozen=True)
class Site:
    """Addresses and directories. `log_url` lets a runner append to logs and nothing else.

    `installation` marks this installation's containers, so that sweeping never touches another one's.
    """

    state_dir: Path
    redis_url: str
    log_url: str
    docker_url: str
    installation: str

    @property
    def mirrors(self) -> Mirrors:
        """The bare mirrors of every repository, on this node."""
        return Mirrors(self.state_dir / "mirrors")

    @property
    def blobs(self) -> LocalBlobs:
        """The object store."""
        return LocalBlobs(self.state_dir / "blobs")
