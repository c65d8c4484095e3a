"""Logs: one stream per attempt, so that a stale runner writes where nobody reads any more."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.store import keys, streams
from cluster.store.archived_logs import ArchivedLogs
from cluster.store.connection import Client, answering
from models.ids import AttemptId, RunId
from models.logs import LogChunk
from models.ports import START


class LogStore:
    """Appended by the runner of the attempt, read by anybody, also while it grows."""

    def __init__(self, redis: Client, archived: ArchivedLogs) -> None:
        self._redis = redis
        self._archived = archived

    async def append(self, attempt: AttemptId, chunks: Sequence[LogChunk]) -> None:
        """Adds chunks at the end."""
        with answering():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for chunk in chunks:
                    pipeline.xadd(keys.log(attempt), {"json": chunk.model_dump_json()})
                await pipeline.execute()

    async def read(
        self, attempt: AttemptId, after: str = START, count: int = 500, block_ms: int | None = None
    ) -> list[tuple[str, LogChunk]]:
        """At most `count` chunks after `after`; with `block_ms`, waits that long for one."""
        run = RunId(attempt.partition(".")[0])
        key = keys.log(attempt)
        seen = await streams.read_of(self._redis, keys.record(run), key, after=after, count=count, block_ms=block_ms)
        if seen.moved:
            # First: what a stale runner may append to a log that was moved must not hide it.
            page = await self._archived.page(attempt, after, count)
            if page is not None:
                return page
        return [(entry, LogChunk.model_validate_json(json)) for entry, json in seen.entries]

    async def whole(self, attempt: AttemptId) -> list[LogChunk]:
        """Everything there is now."""
        chunks: list[LogChunk] = []
        after = START
        while found := await self.read(attempt, after):
            chunks += [chunk for _, chunk in found]
            after = found[-1][0]
        return chunks
