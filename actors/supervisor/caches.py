"""Enters into the index what passed jobs have saved, and lets go of what is no longer of use."""

from __future__ import annotations

import asyncio
import logging
import time

from cluster.blobs import LocalBlobs
from models.caches import Bounds, entries, surplus
from models.ids import AttemptId, JobId
from models.ports import Caches
from models.run import Run
from models.settings import CacheSettings

log = logging.getLogger(__name__)

TIDY_S = 300.0
# A blob that no entry names may be on its way into one: a runner has stored it, and its result comes.
ORPHAN_S = 7200.0
MIB = 1024 * 1024


class CacheKeeper:
    """Both can be done again and again: what is there already is left as it is."""

    def __init__(self, index: Caches, blobs: LocalBlobs, settings: CacheSettings) -> None:
        self._index = index
        self._blobs = blobs
        self._bounds = Bounds(total_bytes=settings.limit_mb * MIB, unused_s=settings.keep_s)

    async def keep(self, run: Run, job: JobId, attempt: AttemptId) -> None:
        """Enter what this attempt has saved, as far as the object store has it. The decision has checked the rest."""
        found = next(each for each in run.job(job).attempts if each.id == attempt)
        saved = found.result.saved if found.result else ()
        for entry in entries(run.change, run.id, saved, found.finished_at or time.time()):
            if await asyncio.to_thread(self._blobs.size, entry.blob) == entry.size_bytes:
                await self._index.keep(entry)
            else:
                log.warning("%s says that it saved %s, which is not there", attempt, entry.blob)
        await self._bound(time.time())

    async def tidy(self) -> None:
        """Drop what is too old or too much, then every blob that nothing names; and wait until it is time again."""
        await self.drop(time.time())
        await asyncio.sleep(TIDY_S)

    async def drop(self, now: float, orphan_s: float = ORPHAN_S) -> None:
        """Drop what is too old or too much at that Unix time, then every older blob that nothing names any more."""
        await self._bound(now)
        named = {used.entry.blob for used in await self._index.everything()}
        if removed := await asyncio.to_thread(self._blobs.sweep, named, orphan_s):
            log.info("%d blobs of caches removed", removed)

    async def _bound(self, now: float) -> None:
        """Entries first: a blob that an entry names is there, or whoever restores it goes without."""
        gone = [e for e in surplus(await self._index.everything(), self._bounds, now) if await self._index.forget(e)]
        if not gone:
            return
        named = {used.entry.blob for used in await self._index.everything()}
        for entry in gone:
            log.info("the cache %s of %s is dropped", entry.place.key[:12], entry.place.repository)
            if entry.blob not in named:
                await asyncio.to_thread(self._blobs.remove, entry.blob)
