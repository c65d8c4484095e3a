"""The processes of a server, by what they are."""

from __future__ import annotations

from contextlib import suppress

import psutil

from cluster.embedded.child import Child
from cluster.embedded.ray_head import RayHead
from tests.e2e.server import Delta


def part(server: Delta, name: str) -> psutil.Process:
    """What was started as `api`, `redis`, `ray` or `driver`."""
    found = Child(name, server.state_dir / "run").process()
    assert found is not None, f"{name} does not run"
    return found


def actors(server: Delta, name: str) -> list[psutil.Process]:
    """Every process of Ray's that carries this name in its title: of an actor, or of a runner."""
    found = []
    for process in RayHead(server.state_dir, server.state_dir / "run").processes():
        with suppress(psutil.NoSuchProcess):
            title = " ".join(process.cmdline())
            if title.startswith("ray::") and name in title and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
