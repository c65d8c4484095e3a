"""A real Redis for tests, started as Delta starts it for itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from redis import Redis

from cluster.embedded.redis_server import RedisServer
from cluster.store.store import RedisStore, Store


@contextmanager
def started_redis() -> Iterator[RedisServer]:
    """An embedded Redis in a folder of its own, ended and removed in the end. Without redis-server this fails."""
    folder = Path(tempfile.mkdtemp(prefix="delta-"))  # not pytest's: a Unix socket's path has at most 107 characters
    server = RedisServer(folder, folder / "run")
    try:
        server.ensure()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@asynccontextmanager
async def empty_store(server: RedisServer) -> AsyncIterator[RedisStore]:
    """A store on it, emptied first."""
    with Redis.from_url(server.url) as redis:
        redis.flushall()
    store = Store.connect(server.url)
    try:
        yield store
    finally:
        await store.close()
