"""A node's pool of warm sandboxes as Ray's actor `pool-…`, on the node of that id."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from actors.pool.actor import SandboxPool, usual_spec
from actors.shell import Starting, orchestrator_handle
from models.settings import SandboxSettings
from sandbox.door import Doors
from sandbox.pool import WarmPool
from sandbox.stock import Bounds
from sandbox.sweep import sweep


class SandboxPoolActor(Starting, SandboxPool):
    """It also removes what dead runners of its node have left."""

    def __init__(self, settings: SandboxSettings, docker_url: str, installation: str, doors: Path) -> None:
        here = Doors(doors, settings.ca_bundle)
        pool = WarmPool(docker_url, installation, Bounds(settings.warm_per_shape, settings.warm_total), doors=here)
        clear = partial(sweep, docker_url, installation, keep_warm=True, doors=here)
        SandboxPool.__init__(self, pool, usual_spec(settings, installation), clear, orchestrator_handle())
        self._begin(self.start())
