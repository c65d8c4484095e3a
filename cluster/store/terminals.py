"""What is typed into terminals. What they show is a log like any other, but for that it is not kept."""

from __future__ import annotations

from cluster.store import keys, streams
from cluster.store.connection import Client, answering
from models.ids import AttemptId
from models.ports import START
from models.terminal import Typed

# Longer than a terminal may live; then, how long its last words can still be read.
TYPED_TTL_S = 7_200
SHOWN_TTL_S = 600


class TerminalStore:
    """See `models.ports.Terminals`."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def type(self, session: AttemptId, typed: Typed) -> None:
        """Adds what was typed; the first one makes the session known."""
        key = keys.terminal(session)
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.xadd(key, {"json": typed.model_dump_json()})
                pipeline.expire(key, TYPED_TTL_S)
                await pipeline.execute()

    async def typed(
        self, session: AttemptId, after: str = START, block_ms: int | None = None
    ) -> list[tuple[str, Typed]]:
        """What was typed after `after`; with `block_ms`, waits that long for something."""
        found = await streams.read(self._redis, keys.terminal(session), after=after, block_ms=block_ms)
        return [(entry, Typed.model_validate_json(json)) for entry, json in found]

    async def known(self, session: AttemptId) -> bool:
        """Whether there is, or was lately, such a session."""
        with answering():
            return bool(await self._redis.exists(keys.terminal(session)))

    async def over(self, session: AttemptId) -> None:
        """It has ended: in some minutes nothing of it is left."""
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.expire(keys.terminal(session), SHOWN_TTL_S)
                pipeline.expire(keys.log(session), SHOWN_TTL_S)
                await pipeline.execute()
