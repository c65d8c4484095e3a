"""Embeddings that are kept in a hash, read page by page.

100,000 of them in one answer would hold up everybody else's commands for half a second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from redis.asyncio import Redis

from cluster.store.connection import answering, text

_PAGE: Final = 1_000


async def pages(redis: Redis, key: str) -> AsyncIterator[list[tuple[str, bytes]]]:
    """All of them by their names. HSCAN may give one twice, and never leaves out one that was there before."""
    cursor = 0
    while True:
        with answering():
            cursor, page = await redis.hscan(key, cursor, count=_PAGE)
        found = page if isinstance(page, dict) else {}  # it is one; redis-py types HSCAN NOVALUES, too
        yield [(text(name), vector) for name, vector in found.items() if isinstance(vector, bytes)]
        if cursor == 0:
            return
