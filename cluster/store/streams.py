"""Reading Redis streams of JSON records: the one place that knows the shape of redis-py's answer."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from cluster.store.connection import LONGEST_BLOCK_MS, answering

START = "0"

# [(stream, [(entry id, fields)])]: the shape redis-py gives unless asked for another; its type names all of them.
_Answer = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


async def read(
    redis: Redis, key: str, *, after: str = START, count: int = 500, block_ms: int | None = None
) -> list[tuple[str, bytes]]:
    """Entries of `key` after the entry id `after`, oldest first, as (entry id, JSON).

    With `block_ms`, waits that long for the first one; an empty list when none came.
    """
    block = None if block_ms is None else min(block_ms, LONGEST_BLOCK_MS)
    with answering():
        answer = await redis.xread({key: after}, count=count, block=block)
    streams = cast("_Answer", answer or [])
    return [(entry.decode(), fields[b"json"]) for _, entries in streams for entry, fields in entries]
