"""A real Redis, and control planes on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cluster.embedded.redis_server import RedisServer
from cluster.store.store import RedisStore
from models.job import JobSpec
from models.settings import OwnershipSettings
from tests.integration.control.plane import LONG_S, Make, Plane
from tests.integration.store.embedded_redis import empty_store, started_redis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with started_redis() as server:
        yield server


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[RedisStore]:
    async with empty_store(redis_server) as store:
        yield store


@pytest.fixture
async def make(store: RedisStore, tmp_path: Path) -> AsyncIterator[Make]:
    """Makes planes, which end with the test."""
    made: list[Plane] = []

    def plane(*jobs: JobSpec, ttl_s: float = LONG_S, ownership: OwnershipSettings | None = None) -> Plane:
        made.append(Plane(store, *jobs, caches=tmp_path, ttl_s=ttl_s, ownership=ownership))
        return made[-1]

    yield plane
    for one in made:
        await one.stop()
