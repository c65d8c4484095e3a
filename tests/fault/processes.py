"""The processes of a server, by what they are."""

from __future__ import annotations

import json

import psutil

from tests.e2e.server import Delta


def part(server: Delta, name: str) -> psutil.Process:
    """What was started as `api`, `redis`, `ray` or `driver`."""
    record = json.loads((server.state_dir / "run" / f"{name}.json").read_text())
    return psutil.Process(record["pid"])


def actors(server: Delta, name: str) -> list[psutil.Process]:
    """Every process of Ray's that carries this name in its title: of an actor, or of a runner."""
    ray = part(server, "ray")
    found = []
    try:
        for process in ray.children(recursive=True):
            title = " ".join(process.cmdline())
            if title.startswith("ray::") and name in title and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    except psutil.NoSuchProcess:  # one of them ended while it was looked at
        return actors(server, name) if ray.is_running() else []
    return found
