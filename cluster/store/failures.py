"""Remembered failures, with the embedding of their excerpt, so that the next one like it can be recognised."""

from __future__ import annotations

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, text
from models.failure import RememberedFailure


class FailureStore:
    """Everything the analyzer ever explained. Small records: the excerpt's vector, not the log."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def remember(self, failure: RememberedFailure, vector: bytes | None = None) -> None:
        """Stores it under its key, with its vector (float32, native order) or beside the one that is there."""
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(keys.FAILURES, failure.key, failure.model_dump_json())
                if vector is not None:
                    pipeline.hset(keys.FAILURE_VECTORS, failure.key, vector)
                await pipeline.execute()

    async def everything(self) -> list[tuple[RememberedFailure, bytes]]:
        """All of them, each with its vector."""
        with answering():
            found = await self._redis.hgetall(keys.FAILURES)
            vectors = await self._redis.hgetall(keys.FAILURE_VECTORS)
        by_key = {text(key): vector for key, vector in vectors.items() if isinstance(vector, bytes)}
        return [
            (RememberedFailure.model_validate_json(json), by_key[text(key)])
            for key, json in found.items()
            if text(key) in by_key
        ]
