"""Where an installation's parts are, found or started: what actors and runners need beside the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.archive import LocalArchive
from cluster.blobs import LocalBlobs
from cluster.factbase import facts_of
from cluster.store.store import RedisStore, Store
from cluster.vault import FILE, Vault


@dataclass(frozen=True)
class Site:
    """Addresses and directories. `log_url` lets a runner append to logs and nothing else.

    `installation` marks this installation's containers, so that sweeping never touches another one's. `lasting`: it is
    a server's, for which sandboxes are kept warm; one command would be over before it used them.
    """

    state_dir: Path
    redis_url: str
    log_url: str
    docker_url: str
    installation: str
    lasting: bool = False

    @property
    def mirrors(self) -> Path:
        """The folder with the bare mirrors of every repository, on this node."""
        return self.state_dir / "mirrors"

    @property
    def doors(self) -> Path:
        """The folder with what sandboxes and their node share, by node."""
        return doors_of(self.state_dir)

    @property
    def facts(self) -> Path:
        """The folder with what the planner found out about repositories' files."""
        return facts_of(self.state_dir)

    @property
    def blobs(self) -> LocalBlobs:
        """The object store."""
        return LocalBlobs(self.state_dir / "blobs")

    @property
    def caches(self) -> LocalBlobs:
        """The object store of caches: apart from the other one, so that neither can name what lies in the other."""
        return LocalBlobs(self.state_dir / "caches")

    @property
    def vault(self) -> Vault:
        """What secrets are encrypted with."""
        return vault_of(self.state_dir)

    def store(self) -> RedisStore:
        """A client of the store, with its history."""
        return store_of(self.state_dir, self.redis_url)


def doors_of(state_dir: Path) -> Path:
    """The folder with the doors of the installation in this state directory."""
    return state_dir / "doors"


def store_of(state_dir: Path, redis_url: str) -> RedisStore:
    """The store of the installation in this state directory, with its history."""
    return Store.connect(redis_url, LocalArchive(state_dir / "archive"))


def vault_of(state_dir: Path) -> Vault:
    """The vault of the installation in this state directory."""
    return Vault(state_dir / FILE)
