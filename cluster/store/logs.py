"""Logs: one stream per attempt, so that a stale runner writes where nobody reads any more."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.store import keys, streams
from cluster.store.archived_logs import ArchivedLogs
from cluster.store.connection import Client, answering
from models.ids import AttemptId, RunId
from models.logs import LogChunk
from models.ports import START

# How Redis refuses an entry whose place is not after the last one's (https://redis.io/docs/latest/commands/xadd/).
_NOT_NEW = "equal or smaller than the target stream top item"


class LogStore:
    """Appended by the runner of the attempt, read by anybody, also while it grows."""

    def __init__(self, redis: Client, archived: ArchivedLogs) -> None:
        self._redis = redis
        self._archived = archived

    async def append(self, attempt: AttemptId, chunks: Sequence[LogChunk], number: int | None = None) -> None:
        """Adds chunks at the end. With `number`, how many the log has by then, what is there already is not added."""
        places = ["*"] * len(chunks) if number is None else [f"{number + 1 + each}-0" for each in range(len(chunks))]
        with answering():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for place, chunk in zip(places, chunks, strict=True):
                    pipeline.xadd(keys.log(attempt), {"json": chunk.model_dump_json()}, id=place)
                for answer in await pipeline.execute(raise_on_error=False):
                    if isinstance(answer, Exception) and _NOT_NEW not in str(answer):
                        raise answer

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
