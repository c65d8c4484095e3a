"""Past changes of a repository with their embeddings, and what was learned of plans. See `models.ports.Changes`.

A repository's changes have keys of their own, so that its vectors are read without those of all others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, text
from cluster.store.vectors import pages
from models.history import Audit, Miss, PastChange, Profile
from models.ids import RunId

MOST_CHANGES: Final = 100_000
MOST_TEXTS: Final = 1_000
MOST_AUDITS: Final = 20_000
MOST_MISSES: Final = 2_000  # each plan looks at those of its repository, and has to be fast
MOST_PROFILES: Final = 2_000

_Lesson = TypeVar("_Lesson", Miss, Audit)


class ChangeStore:
    """See `models.ports.Changes`. `most` and `most_texts` bound what is kept of one repository."""

    def __init__(self, redis: Redis, most: int = MOST_CHANGES, most_texts: int = MOST_TEXTS) -> None:
        self._redis = redis
        self._most = most
        self._most_texts = most_texts

    async def remember(self, change: PastChange, text: str | None = None) -> None:
        """Stores it under its run; of too many, the oldest go."""
        at = keys.changes(change.repository)
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(at.records, change.run, change.model_dump_json())
                pipeline.zadd(at.order, {change.run: change.at})
                if change.failed:
                    pipeline.zadd(at.failed, {change.run: change.at})
                else:
                    pipeline.zrem(at.failed, change.run)
                if text is not None:
                    pipeline.hset(at.texts, change.run, text)
                pipeline.zrange(at.order, 0, -self._most - 1)
                pipeline.hlen(at.texts)
                *_, old, texts = await pipeline.execute()
            await self._forget(at, _runs(old))
            if texts > self._most_texts:
                await self._bound_texts(at)

    async def waiting(self, repository: str) -> dict[RunId, str]:
        """The texts that have no vector yet."""
        with answering():
            found = await self._redis.hgetall(keys.changes(repository).texts)
        return {RunId(text(run)): text(waits) for run, waits in found.items()}

    async def embedded(self, repository: str, vectors: Mapping[RunId, bytes]) -> None:
        """Stores vectors; their texts go."""
        if not vectors:
            return
        at = keys.changes(repository)
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(at.vectors, items=[part for pair in vectors.items() for part in pair])
                pipeline.hdel(at.texts, *vectors)
                await pipeline.execute()

    async def vectors(self, repository: str) -> AsyncIterator[list[tuple[RunId, bytes]]]:
        """All vectors, a page at a time."""
        async for page in pages(self._redis, keys.changes(repository).vectors):
            yield [(RunId(run), vector) for run, vector in page]

    async def find(self, repository: str, runs: Sequence[RunId]) -> list[PastChange]:
        """Those that are known, in that order."""
        if not runs:
            return []
        with answering():
            found = await self._redis.hmget(keys.changes(repository).records, [*runs])
        return [PastChange.model_validate_json(json) for json in found if json is not None]

    async def latest(self, repository: str, limit: int, *, failed: bool = False) -> list[PastChange]:
        """The newest, newest first."""
        at = keys.changes(repository)
        with answering():
            runs = await self._redis.zrevrange(at.failed if failed else at.order, 0, limit - 1)
        return await self.find(repository, _runs(runs))

    async def _forget(self, at: keys.ChangeKeys, runs: Sequence[RunId]) -> None:
        if not runs:
            return
        async with self._redis.pipeline(transaction=True) as pipeline:
            for held in (at.records, at.vectors, at.texts):
                pipeline.hdel(held, *runs)
            for order in (at.order, at.failed):
                pipeline.zrem(order, *runs)
            await pipeline.execute()

    async def _bound_texts(self, at: keys.ChangeKeys) -> None:
        """What waits for its vector for so long is of changes that passed, beside which nothing failed: let go."""
        waiting = _runs(await self._redis.hkeys(at.texts))
        if len(waiting) <= self._most_texts:
            return
        times = await self._redis.zmscore(at.order, [*waiting])
        newest_first = sorted(zip((float(time or 0) for time in times), waiting, strict=True), reverse=True)
        await self._redis.hdel(at.texts, *(run for _, run in newest_first[self._most_texts :]))


class LessonStore:
    """See `models.ports.Lessons`. Of each kind the newest are kept."""

    def __init__(self, redis: Redis, most_misses: int = MOST_MISSES) -> None:
        self._redis = redis
        self._most_misses = most_misses

    async def note_miss(self, miss: Miss) -> None:
        """Stores it under its key."""
        await self._note(keys.MISSES, miss.key, miss.model_dump_json(), miss.at, self._most_misses)

    async def misses(self, repository: str = "") -> list[Miss]:
        """All of them, or those of one repository; oldest first."""
        found = [Miss.model_validate_json(json) for json in await self._all(keys.MISSES)]
        return sorted(_of(found, repository), key=lambda miss: (miss.at, miss.key))

    async def note_audit(self, audit: Audit) -> None:
        """Stores it under its run."""
        await self._note(keys.AUDITS, audit.run, audit.model_dump_json(), audit.at, MOST_AUDITS)

    async def audits(self, repository: str = "") -> list[Audit]:
        """All of them, or those of one repository; oldest first."""
        found = [Audit.model_validate_json(json) for json in await self._all(keys.AUDITS)]
        return sorted(_of(found, repository), key=lambda audit: (audit.at, audit.run))

    async def keep_profile(self, profile: Profile) -> None:
        """Stores it under its repository."""
        await self._note(keys.PROFILES, profile.repository, profile.model_dump_json(), profile.at, MOST_PROFILES)

    async def profiles(self) -> list[Profile]:
        """Those of all repositories, by name."""
        found = [Profile.model_validate_json(json) for json in await self._all(keys.PROFILES)]
        return sorted(found, key=lambda profile: profile.repository)

    async def _note(self, where: keys.Ordered, name: str, json: str, at: float, most: int) -> None:
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(where.records, name, json)
                pipeline.zadd(where.order, {name: at})
                pipeline.zrange(where.order, 0, -most - 1)
                *_, old = await pipeline.execute()
            if old:
                async with self._redis.pipeline(transaction=True) as pipeline:
                    pipeline.hdel(where.records, *old)
                    pipeline.zrem(where.order, *old)
                    await pipeline.execute()

    async def _all(self, where: keys.Ordered) -> list[str]:
        with answering():
            return [text(json) for json in await self._redis.hvals(where.records)]


def _runs(names: Iterable[object]) -> list[RunId]:
    return [RunId(text(name)) for name in names]


def _of(found: Iterable[_Lesson], repository: str) -> list[_Lesson]:
    return [each for each in found if repository in {"", each.repository}]
