"""One world for the whole suite, and the table of what was done to it."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.forge.githttp import serving
from tests.e2e.server import delta
from tests.fault.github import github
from tests.fault.stepped_clock import Clock
from tests.fault.table import Table
from tests.fault.world import World, graph, settings

SEED = int(os.environ.get("SEED", "1"))
ROUNDS = int(os.environ.get("ROUNDS", "1"))


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    """Printed when the suite ends."""
    table = Table(SEED)
    yield table
    print(f"\n{table}")


@pytest.fixture(scope="session")
def world(docker_url: str) -> Iterator[World]:
    """A server that is up, and goes on through every fault: what one leaves behind, the next one finds."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as git_server,
        github() as forge,
    ):
        clock = Clock.right(Path(folder, "clock"))
        with delta(settings(forge) | clock.environment()) as server:
            repository = graph(Path(folder, "graph"))
            server.up()
            clone_url = git_server.clone_url(repository)
            chance = random.Random(SEED)  # noqa: S311 - it chooses instants, not secrets
            yield World(server, forge, clock, repository, clone_url, docker_url, chance)


@pytest.fixture
def rounds() -> range:
    """How often each fault is done."""
    return range(ROUNDS)
