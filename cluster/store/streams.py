"""Reading Redis streams of JSON records: the one place that knows the shape of redis-py's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cluster.store.connection import LONGEST_BLOCK_MS, Client, answering
from models.errors import InfrastructureError
from models.ports import START

# [(stream, [(entry id, fields)])]: the shape redis-py gives unless asked for another; its type names all of them.
_Answer = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


@dataclass(frozen=True)
class Seen:
    """Entries of a run's stream, and where the run was when they were read: here, or moved to the archive at some time.

    A run that was moved and brought back is both.
    """

    entries: list[tuple[str, bytes]]
    here: bool
    moved: bool


async def read(
    redis: Client, key: str, *, after: str = START, count: int = 500, block_ms: int | None = None
) -> list[tuple[str, bytes]]:
    """Entries of `key` after the entry id `after`, oldest first, as (entry id, JSON).

    With `block_ms`, waits that long for the first one; an empty list when none came.
    """
    with answering():
        reader = redis if block_ms is None else redis.waiting
        return _entries(await reader.xread({key: after}, count=count, block=_block(block_ms)))


async def read_of(
    redis: Client, record: str, key: str, *, after: str, count: int = 500, block_ms: int | None = None
) -> Seen:
    """As `read`, of a stream that belongs to the run with this record, in one round trip."""
    with answering():
        reader = redis if block_ms is None else redis.waiting
        async with reader.pipeline(transaction=False) as pipeline:
            pipeline.hexists(record, "json")
            pipeline.hexists(record, "moved")
            pipeline.xread({key: after}, count=count, block=_block(block_ms))
            here, moved, answer = await pipeline.execute()
    return Seen(_entries(answer), bool(here), bool(moved))


def _block(block_ms: int | None) -> int | None:
    return None if block_ms is None else max(1, min(block_ms, LONGEST_BLOCK_MS))  # to Redis, 0 is for ever


def _entries(answer: object) -> list[tuple[str, bytes]]:
    streams = cast("_Answer", answer or [])
    return [(entry.decode(), fields[b"json"]) for _, entries in streams for entry, fields in entries]


def place(entry: str) -> tuple[int, int]:
    """An entry id as numbers, which order as the entries do. A part that is left out is 0, as in Redis."""
    first, _, second = entry.partition("-")
    try:
        return int(first), int(second or 0)
    except ValueError:
        raise InfrastructureError(f"{entry!r} is not the id of an entry of a stream") from None
