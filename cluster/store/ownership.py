"""Which supervisors live, and which of them holds a run: what fences the others off.

A claim is held until somebody else makes one, or `CLAIM_TTL_S` after it was made last, so that runs that are over leave
nothing behind. Ages are told by the clock of Redis alone; no other clock is compared with it.
"""

from __future__ import annotations

from redis.asyncio import Redis

from cluster.store import keys
from cluster.store.connection import answering, script, text
from models.errors import StaleWrite
from models.fence import Fence
from models.ids import RunId

CLAIM_TTL_S = 60

_SUPERSEDED = -1


class OwnerStore:
    """See `models.ports.Owners`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._beat = redis.register_script(script("beat.lua"))
        self._claim = redis.register_script(script("claim.lua"))

    async def register(self, supervisor: str) -> Fence:
        """A new incarnation of this name; the ones before it are fenced off."""
        with answering():
            epoch, *_ = await self._beat(keys=[keys.SUPERVISORS], args=[supervisor, 0])
        return Fence(supervisor=supervisor, epoch=epoch)

    async def beat(self, fence: Fence) -> dict[str, float]:
        """Says that it lives; gives how many seconds ago each supervisor last did. Raises `StaleWrite`."""
        with answering():
            epoch, *ages = await self._beat(keys=[keys.SUPERVISORS], args=[fence.supervisor, fence.epoch])
        if epoch == _SUPERSEDED:
            raise StaleWrite(f"there is a newer {fence.supervisor} than epoch {fence.epoch}")
        return {text(name): int(age) / 1000 for name, age in zip(ages[::2], ages[1::2], strict=True)}

    async def ages(self) -> dict[str, float]:
        """How many seconds ago each supervisor last said that it lives."""
        with answering():
            _, *ages = await self._beat(keys=[keys.SUPERVISORS], args=["", 0])
        return {text(name): int(age) / 1000 for name, age in zip(ages[::2], ages[1::2], strict=True)}

    async def claim(self, run: RunId, fence: Fence) -> None:
        """Takes the run, whoever held it. Raises `StaleWrite` when a newer incarnation of this name holds it."""
        with answering():
            claimed = await self._claim(
                keys=[keys.owner(run)], args=[fence.supervisor, fence.epoch, int(CLAIM_TTL_S * 1000)]
            )
        if not claimed:
            raise StaleWrite(f"a newer {fence.supervisor} than epoch {fence.epoch} holds run {run}")
