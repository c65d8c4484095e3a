"""The store as one thing: what a component is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from redis.asyncio import Redis

from cluster.store.connection import answering, connect
from cluster.store.failures import FailureStore
from cluster.store.inbox import Inbox
from cluster.store.logs import LogStore
from cluster.store.reports import ReportStore
from cluster.store.runs import RunStore


@dataclass(frozen=True)
class Store:
    """All of Delta's facts. One per process and event loop; close it when done."""

    redis: Redis
    runs: RunStore
    inbox: Inbox
    logs: LogStore
    reports: ReportStore
    failures: FailureStore

    @classmethod
    def connect(cls, url: str) -> Self:
        """A store on the Redis at `url`. Does not connect yet: `ping` does."""
        redis = connect(url)
        return cls(
            redis=redis,
            runs=RunStore(redis),
            inbox=Inbox(redis),
            logs=LogStore(redis),
            reports=ReportStore(redis),
            failures=FailureStore(redis),
        )

    async def ping(self) -> None:
        """Raises `InfrastructureError` when Redis does not answer."""
        with answering():
            await self.redis.ping()

    async def close(self) -> None:
        """Gives the connections back."""
        await self.redis.aclose()
