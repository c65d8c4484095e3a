"""A real Redis, as Delta starts it for itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cluster.embedded.redis_server import RedisServer
from cluster.store.store import RedisStore
from tests.integration.analyzer.installation import Installation
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
def installation(store: RedisStore, tmp_path: Path) -> Installation:
    return Installation(store, tmp_path / "blobs")
