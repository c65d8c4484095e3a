"""The inbox: what the outside asked for, durable before anybody is told so."""

from __future__ import annotations

import hashlib
import logging

from pydantic import ValidationError

from cluster.store import keys, streams
from cluster.store.connection import Client, answering, script
from models.inbox import MESSAGE, Message
from models.ports import START

log = logging.getLogger(__name__)


class Inbox:
    """Put by the API, taken by the orchestrator. An entry stays until it was acted on, so it may be seen twice."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        self._accept = redis.register_script(script("accept.lua"))

    async def put(self, message: Message, delivery: str = "") -> bool:
        """Durable when this returns. False: this delivery was accepted before, and nothing was written."""
        json = message.model_dump_json()
        with answering():
            if not delivery:
                await self._redis.xadd(keys.INBOX, {"json": json})
                return True
            seen = keys.delivery(hashlib.sha256(delivery.encode()).hexdigest())
            return bool(await self._accept(keys=[keys.INBOX, seen], args=[json, keys.DELIVERY_TTL_S]))

    async def take(self, after: str = START, block_ms: int | None = None) -> list[tuple[str, Message]]:
        """Entries after `after`, oldest first; with `block_ms`, waits that long for one.

        One that this Delta cannot read is put aside: it must not keep the others from being taken for ever.
        """
        messages: list[tuple[str, Message]] = []
        for entry, json in await streams.read(self._redis, keys.INBOX, after=after, block_ms=block_ms):
            try:
                messages.append((entry, MESSAGE.validate_json(json)))
            except ValidationError:
                log.exception("cannot read a message, it is kept in %s", keys.INBOX_REFUSED)
                await self._put_aside(entry, json)
        return messages

    async def _put_aside(self, entry: str, json: bytes) -> None:
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.xadd(keys.INBOX_REFUSED, {"json": json})
                pipeline.xdel(keys.INBOX, entry)
                await pipeline.execute()

    async def done(self, entry: str) -> None:
        """Removes an entry that was acted on."""
        with answering():
            await self._redis.xdel(keys.INBOX, entry)
