"""Where the host's shared parts live: one frozen record, read once from the environment.

`DELTA_HOST_DIR` puts everything under one directory; tests use it to run an engine of their own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

VARIABLE = "DELTA_HOST_DIR"


class HostPaths(BaseModel):
    """The directories of the managed Docker engine; every file in them is derived here and nowhere else."""

    model_config = ConfigDict(frozen=True)

    state: Path = Path("/var/lib/delta")
    run: Path = Path("/run/delta")

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> HostPaths:
        """Return the paths that the environment asks for; else the system-wide ones for root, else the user's own.

        An ordinary user never starts an engine, but still makes images in the system's.
        """
        if root := environment.get(VARIABLE):
            return cls(state=Path(root, "lib").absolute(), run=Path(root, "run").absolute())
        if os.geteuid() == 0:
            return cls()
        state = Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state", "delta", "host")
        return cls(state=state, run=Path(environment.get("XDG_RUNTIME_DIR") or state, "delta-run"))

    @property
    def socket(self) -> Path:
        """The engine's Unix socket. Linux allows 107 characters, so a long `DELTA_HOST_DIR` is refused by `bind`."""
        return self.run / "docker.sock"

    @property
    def url(self) -> str:
        """The engine's address, as `DOCKER_HOST` would name it."""
        return f"unix://{self.socket}"

    @property
    def pidfile(self) -> Path:
        """Holds the engine's process id while it runs."""
        return self.run / "docker.pid"

    @property
    def containerd_pidfile(self) -> Path:
        """Holds the id of the containerd that the engine started, where it did."""
        return self.exec_root / "containerd" / "containerd.pid"

    @property
    def exec_root(self) -> Path:
        """The engine's own run-time state."""
        return self.run / "docker"

    @property
    def data_root(self) -> Path:
        """Images and containers of the managed engine."""
        return self.state / "docker"

    @property
    def config(self) -> Path:
        """The engine's configuration, written at each start."""
        return self.run / "daemon.json"

    @property
    def log(self) -> Path:
        """What the engine says; one start a file."""
        return self.state / "dockerd.log"

    @property
    def users_lock(self) -> Path:
        """Held shared by every user of the managed engine; whoever gets it exclusively is the last one."""
        return self.run / "engine.lock"

    @property
    def start_lock(self) -> Path:
        """Held exclusively while one user starts the engine."""
        return self.run / "start.lock"

    @property
    def image_lock(self) -> Path:
        """Held exclusively while one user makes an image."""
        return self.run / "image.lock"
