"""Every test of this folder runs on each store: Redis as Delta starts it, and memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cluster.archive import LocalArchive
from cluster.embedded.redis_server import RedisServer
from cluster.store.memory.state import State
from cluster.store.store import Store
from tests.integration.store.embedded_redis import empty_store, started_redis

# Another client of what `store` is a client of, as another process is.
Join = Callable[[], Store]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with started_redis() as server:
        yield server


@pytest.fixture(params=["redis", "memory"])
async def join(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Join]:
    async with AsyncExitStack() as ending:
        if request.param == "redis":
            server: RedisServer = request.getfixturevalue("redis_server")
            await ending.enter_async_context(empty_store(server))

            def connect() -> Store:
                return Store.connect(server.url, LocalArchive(tmp_path / "archive"))
        else:
            state = State()

            def connect() -> Store:
                return Store.in_memory(shared=state)

        def joined() -> Store:
            client = connect()
            ending.push_async_callback(client.close)
            return client

        yield joined


@pytest.fixture
def store(join: Join) -> Store:
    return join()
