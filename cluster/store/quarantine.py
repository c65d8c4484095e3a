"""The list of tests that people have set aside. See `models.ports.Quarantine`."""

from __future__ import annotations

import json

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, text
from models.flaky import Quarantined


class QuarantineStore:
    """See `models.ports.Quarantine`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, entry: Quarantined) -> bool:
        """Stores it, in place of an earlier one."""
        field = _field(entry.repository, entry.job, entry.test)
        with answering():
            return bool(await self._redis.hset(keys.QUARANTINE, field, entry.model_dump_json()))

    async def remove(self, repository: str, job: str, test: str) -> bool:
        """Removes it."""
        with answering():
            return bool(await self._redis.hdel(keys.QUARANTINE, _field(repository, job, test)))

    async def entries(self, repository: str = "") -> list[Quarantined]:
        """All of them, or those of one repository. People write the list by hand: it is read as a whole."""
        with answering():
            found = await self._redis.hvals(keys.QUARANTINE)
        entries = [Quarantined.model_validate_json(text(each)) for each in found]
        return sorted(
            (entry for entry in entries if repository in {"", entry.repository}),
            key=lambda entry: (entry.repository, entry.test, entry.job),
        )


def _field(repository: str, job: str, test: str) -> str:
    return json.dumps([repository, job, test])
