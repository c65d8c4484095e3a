"""The index of caches: which blob lies under which repository, scope and key, and when it was last of use.

One hash and one sorted set for all: there are as many entries as there are lock files, not as there are runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, script, text
from models.caches import CacheEntry, CachePlace, UsedCache


class CacheStore:
    """See `models.ports.Caches`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._forget = redis.register_script(script("forget_cache.lua"))
        self._use = redis.register_script(script("use_cache.lua"))

    async def keep(self, entry: CacheEntry) -> None:
        """Enters it, in the place of what lies there."""
        name = field(entry.place)
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(keys.CACHES, name, entry.model_dump_json())
                pipeline.zadd(keys.CACHES_USED, {name: entry.saved_at}, gt=True)
                await pipeline.execute()

    async def find(self, places: Sequence[CachePlace]) -> dict[CachePlace, CacheEntry]:
        """What lies at these places."""
        if not places:
            return {}
        with answering():
            found = await self._redis.hmget(keys.CACHES, [field(place) for place in places])
        return {
            place: CacheEntry.model_validate_json(value)
            for place, value in zip(places, found, strict=True)
            if value is not None
        }

    async def used(self, places: Iterable[CachePlace], at: float) -> None:
        """What lies there was of use at that Unix time."""
        with answering():
            await self._use(keys=[keys.CACHES, keys.CACHES_USED], args=[at, *(field(place) for place in places)])

    async def everything(self) -> list[UsedCache]:
        """All entries."""
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hgetall(keys.CACHES)
                pipeline.zrange(keys.CACHES_USED, 0, -1, withscores=True)
                found, times = await pipeline.execute()
        used_at = {text(name): float(at) for name, at in times}
        return [
            UsedCache(entry=entry, used_at=used_at.get(text(name), entry.saved_at))
            for name, entry in ((name, CacheEntry.model_validate_json(value)) for name, value in found.items())
        ]

    async def forget(self, entry: CacheEntry) -> bool:
        """Takes it out, unless another one lies in its place by now: then False."""
        with answering():
            gone = await self._forget(
                keys=[keys.CACHES, keys.CACHES_USED], args=[field(entry.place), entry.model_dump_json()]
            )
        return bool(gone)


def field(place: CachePlace) -> str:
    """A place's name in the hash: of one length, whatever a branch is called, and never that of another place."""
    parts = json.dumps([place.repository, place.scope, place.key])
    return hashlib.sha256(parts.encode()).hexdigest()
