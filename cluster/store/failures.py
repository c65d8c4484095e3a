"""Remembered failures of a repository, so that the next one like it is recognised. See `models.ports.Failures`.

What has an equal signature, and what was not fixed yet, is found by keys of its own, without a look at the others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, text
from cluster.store.vectors import pages
from models.failure import RememberedFailure, Repeats
from models.ids import AttemptId, JobId

MOST_FAILURES: Final = 100_000
MOST_PASSED: Final = 2


class FailureStore:
    """See `models.ports.Failures`. `most` bounds what is kept of one repository."""

    def __init__(self, redis: Redis, most: int = MOST_FAILURES) -> None:
        self._redis = redis
        self._most = most

    async def remember(self, failure: RememberedFailure, vector: bytes | None = None) -> None:
        """Stores it under its key, in place of an earlier version; of too many, the oldest go."""
        at = keys.failures(failure.repository)
        unfixed = at.unfixed(failure.line, failure.job)
        with answering():
            before = await self.find(failure.repository, [failure.key])
            async with self._redis.pipeline(transaction=True) as pipeline:
                for old in before:
                    pipeline.zrem(at.alike(old.signature), old.key)
                pipeline.hset(at.records, failure.key, failure.model_dump_json())
                pipeline.zadd(at.order, {failure.key: failure.at})
                pipeline.zadd(at.alike(failure.signature), {failure.key: failure.at})
                if failure.fixed_by is None:
                    pipeline.sadd(unfixed, failure.key)
                else:
                    pipeline.srem(unfixed, failure.key)
                if vector is not None:
                    pipeline.hset(at.vectors, failure.key, vector)
                pipeline.zrange(at.order, 0, -self._most - 1)
                *_, old_keys = await pipeline.execute()
            await self._forget(failure.repository, [text(key) for key in old_keys])

    async def find(self, repository: str, keys_: Sequence[str]) -> list[RememberedFailure]:
        """Those that are known, in that order."""
        if not keys_:
            return []
        with answering():
            found = await self._redis.hmget(keys.failures(repository).records, [*keys_])
        return [RememberedFailure.model_validate_json(json) for json in found if json is not None]

    async def alike(self, repository: str, signature: str, limit: int) -> Repeats:
        """Those with this signature."""
        alike = keys.failures(repository).alike(signature)
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.zcard(alike)
                pipeline.zrange(alike, 0, 0, withscores=True)
                pipeline.zrevrange(alike, 0, limit - 1)
                times, first, latest = await pipeline.execute()
        if not times:
            return Repeats()
        found = await self.find(repository, [text(key) for key in latest])
        return Repeats(times=times, since=first[0][1], latest=tuple(found))

    async def unfixed(self, repository: str, line: str, job: JobId) -> list[RememberedFailure]:
        """Those of a job on one line of work that nothing is known to have fixed, oldest first."""
        with answering():
            found = await self._redis.smembers(keys.failures(repository).unfixed(line, job))
        known = await self.find(repository, [text(key) for key in found])
        return sorted(known, key=lambda failure: (failure.at, failure.key))

    def vectors(self, repository: str) -> AsyncIterator[list[tuple[str, bytes]]]:
        """All vectors, a page at a time."""
        return pages(self._redis, keys.failures(repository).vectors)

    async def note_passed(self, repository: str, job: JobId, attempt: AttemptId) -> None:
        """Puts the attempt first."""
        at = keys.failures(repository).passed(job)
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.lrem(at, 0, attempt)
                pipeline.lpush(at, attempt)
                pipeline.ltrim(at, 0, MOST_PASSED - 1)
                await pipeline.execute()

    async def passed(self, repository: str, job: JobId) -> list[AttemptId]:
        """The attempts that passed lastly, newest first."""
        with answering():
            found = await self._redis.lrange(keys.failures(repository).passed(job), 0, -1)
        return [AttemptId(text(attempt)) for attempt in found]

    async def _forget(self, repository: str, old: Sequence[str]) -> None:
        if not old:
            return
        at = keys.failures(repository)
        known = await self.find(repository, old)
        async with self._redis.pipeline(transaction=True) as pipeline:
            for failure in known:
                pipeline.zrem(at.alike(failure.signature), failure.key)
                pipeline.srem(at.unfixed(failure.line, failure.job), failure.key)
            for held in (at.records, at.vectors):
                pipeline.hdel(held, *old)
            pipeline.zrem(at.order, *old)
            await pipeline.execute()
