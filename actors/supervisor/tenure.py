"""A supervisor's own part in who owns what: it says that it lives, watches the others, and claims what is its own."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Collection
from weakref import WeakValueDictionary

from actors.supervisor.ownership import Watch, owner
from models.errors import StaleWrite
from models.fence import Fence
from models.ids import RunId
from models.ports import Owners
from models.settings import OwnershipSettings

log = logging.getLogger(__name__)

# Much shorter than a claim lasts: a claim that nobody took meanwhile never runs out under whoever carries the run.
FRESH_S = 10.0


class Tenure:
    """One incarnation of one supervisor."""

    def __init__(self, name: str, pool: Collection[str], owners: Owners, settings: OwnershipSettings) -> None:
        self._name = name
        self._pool = pool
        self._owners = owners
        self._settings = settings
        self._watch = Watch.begun(settings.ttl_s, time.monotonic())
        self._live: frozenset[str] = frozenset()
        self._claimed: dict[RunId, float] = {}
        self._claiming: WeakValueDictionary[RunId, asyncio.Lock] = WeakValueDictionary()
        self.fence: Fence | None = None

    async def begin(self) -> None:
        """Registers this incarnation, which fences off earlier ones. At first, the whole pool counts as live."""
        self.fence = await self._owners.register(self._name)
        self._watch = Watch.begun(self._settings.ttl_s, time.monotonic())
        self._live = frozenset(self._pool)

    async def beat(self) -> bool:
        """Says that it lives. True when it has to look at all runs: who lives has changed, or it was cut off itself.

        Once it has a successor, it owns nothing any more.
        """
        before = self._live
        if self.fence is None:
            return False
        try:
            ages = await self._owners.beat(self.fence)
        except StaleWrite as stale:
            if before:
                log.warning("stops carrying runs: %s", stale)
            self._live = frozenset()
            return False
        now = time.monotonic()
        cut_off = not self._watch.current(now)  # what it was told meanwhile, it let pass
        self._watch = self._watch.looked(now)
        self._live = self._watch.live(self._pool, ages) | {self._name}
        if self._live != before:
            log.info("of %d supervisors these live: %s", len(self._pool), ", ".join(sorted(self._live)))
        return cut_off or self._live != before

    def mine(self, run: RunId) -> bool:
        """Whether the run should be this one's, for all it knows."""
        return self._watch.current(time.monotonic()) and owner(run, self._live) == self._name

    async def holds(self, run: RunId) -> Fence | None:
        """The fence to carry the run under; None when it is another's. Claims it, unless it did a moment ago."""
        if self.fence is None or not self.mine(run):
            return None
        async with self._claiming.setdefault(run, asyncio.Lock()):  # who comes meanwhile need not ask again
            now = time.monotonic()
            if now - self._claimed.get(run, -math.inf) >= FRESH_S:
                try:
                    await self._owners.claim(run, self.fence)
                except StaleWrite as stale:
                    log.info("not claimed: %s", stale)
                    return None
                self._claimed[run] = now
        return self.fence

    def lost(self, run: RunId) -> None:
        """The claim does not hold, or the run needs nobody any more: the next `holds` claims it anew."""
        self._claimed.pop(run, None)
