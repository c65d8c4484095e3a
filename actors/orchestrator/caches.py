"""Which caches a runner may restore, looked up when it gets its attempt. A job never waits for them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from models.caches import CacheHit, CachePlace, access, hits, places
from models.change import Change
from models.errors import InfrastructureError
from models.job import CacheSpec
from models.ports import Caches

log = logging.getLogger(__name__)


async def restorable(index: Caches, specs: Sequence[CacheSpec], change: Change, now: float) -> tuple[CacheHit, ...]:
    """What is there of a job's caches, and may be read. Nothing when the store does not answer: the lease is given."""
    if not specs:
        return ()
    allowed = access(change)
    try:
        found = hits(specs, allowed, await index.find(places(specs, allowed)))
        if found:
            used = [CachePlace(repository=allowed.repository, scope=hit.scope, key=hit.key) for hit in found]
            await index.used(used, now)
    except InfrastructureError as error:
        log.warning("a job goes without its caches: %s", error)
        return ()
    return found
