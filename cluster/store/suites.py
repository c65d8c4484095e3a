"""What attempts told of their tests, by repository and job, bounded. See `models.ports.Suites`."""

from __future__ import annotations

import json
from typing import Final

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, text
from models.flaky import SuiteAttempt
from models.ids import JobId

MOST_ATTEMPTS: Final = 500  # of one job: enough to tell a rate of 1 in 100
MOST_SUITES: Final = 2_000


class SuiteStore:
    """See `models.ports.Suites`."""

    def __init__(self, redis: Redis, most: int = MOST_ATTEMPTS, most_suites: int = MOST_SUITES) -> None:
        self._redis = redis
        self._most = most
        self._most_suites = most_suites

    async def tell(self, repository: str, job: JobId, attempt: SuiteAttempt) -> None:
        """Stores it under its id; of too many, the oldest go."""
        at, name = keys.suite(repository, job), json.dumps([repository, job])
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(at.records, attempt.id, attempt.model_dump_json())
                pipeline.zadd(at.order, {attempt.id: attempt.at})
                pipeline.zrange(at.order, 0, -self._most - 1)
                *_, old = await pipeline.execute()
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.zadd(keys.SUITES_KNOWN, {name: attempt.at}, gt=True)
                pipeline.zrange(keys.SUITES_KNOWN, 0, -self._most_suites - 1)
                *_, forgotten = await pipeline.execute()
            if old or forgotten:
                await self._forget(at, [text(each) for each in old], [text(each) for each in forgotten])

    async def attempts(self, repository: str, job: JobId) -> list[SuiteAttempt]:
        """Those of one job, oldest first."""
        with answering():
            found = await self._redis.hvals(keys.suite(repository, job).records)
        attempts = [SuiteAttempt.model_validate_json(text(each)) for each in found]
        return sorted(attempts, key=lambda attempt: (attempt.at, attempt.id))

    async def known(self, repository: str = "") -> list[tuple[str, JobId]]:
        """Repositories and jobs that something is known of."""
        with answering():
            found = await self._redis.zrange(keys.SUITES_KNOWN, 0, -1)
        return sorted((of, job) for of, job in (_place(text(each)) for each in found) if repository in {"", of})

    async def _forget(self, at: keys.Ordered, old: list[str], forgotten: list[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:  # the keys of several suites: several tags
            if old:
                pipeline.hdel(at.records, *old)
                pipeline.zrem(at.order, *old)
            for name in forgotten:
                pipeline.delete(*keys.suite(*_place(name)))
                pipeline.zrem(keys.SUITES_KNOWN, name)
            await pipeline.execute()


def _place(name: str) -> tuple[str, JobId]:
    repository, job = json.loads(name)
    return repository, JobId(job)
