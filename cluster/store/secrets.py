"""Secrets in Redis: ciphertext, by scope and name. What is in it, only the vault's key tells (`cluster/vault.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, text
from models.secret import SealedSecret


class SecretStore:
    """See `models.ports.Secrets`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, secret: SealedSecret) -> bool:
        """Stores it, in place of an earlier one."""
        field = keys.secret_field(secret.scope, secret.name)
        with answering():
            return bool(await self._redis.hset(keys.SECRETS, field, secret.model_dump_json()))

    async def remove(self, scope: str, name: str) -> bool:
        """Removes it."""
        with answering():
            return bool(await self._redis.hdel(keys.SECRETS, keys.secret_field(scope, name)))

    async def find(self, wanted: Sequence[tuple[str, str]]) -> list[SealedSecret]:
        """Those that exist of these scopes and names."""
        if not wanted:
            return []
        with answering():
            found = await self._redis.hmget(keys.SECRETS, [keys.secret_field(*each) for each in wanted])
        return [SealedSecret.model_validate_json(text(json)) for json in found if json is not None]

    async def everything(self) -> list[SealedSecret]:
        """All of them, by name and scope."""
        with answering():
            found = await self._redis.hvals(keys.SECRETS)
        secrets = [SealedSecret.model_validate_json(text(json)) for json in found]
        return sorted(secrets, key=lambda secret: (secret.name, secret.scope))
