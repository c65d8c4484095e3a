"""The index of caches in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.store.memory.state import State
from models.caches import CacheEntry, CachePlace, UsedCache


class MemoryCaches:
    """See `models.ports.Caches`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def keep(self, entry: CacheEntry) -> None:
        """Enters it, in the place of what lies there."""
        await self._state.turn()
        self._state.caches[entry.place] = entry
        self._note(entry.place, entry.saved_at)

    async def find(self, places: Sequence[CachePlace]) -> dict[CachePlace, CacheEntry]:
        """What lies at these places."""
        await self._state.turn()
        return {place: self._state.caches[place] for place in places if place in self._state.caches}

    async def used(self, places: Iterable[CachePlace], at: float) -> None:
        """What lies there was of use at that Unix time."""
        await self._state.turn()
        for place in places:
            if place in self._state.caches:
                self._note(place, at)

    async def everything(self) -> list[UsedCache]:
        """All entries."""
        await self._state.turn()
        return [
            UsedCache(entry=entry, used_at=self._state.caches_used[place])
            for place, entry in self._state.caches.items()
        ]

    async def forget(self, entry: CacheEntry) -> bool:
        """Takes it out, unless another one lies in its place by now: then False."""
        await self._state.turn()
        if self._state.caches.get(entry.place) != entry:
            return False
        del self._state.caches[entry.place]
        del self._state.caches_used[entry.place]
        return True

    def _note(self, place: CachePlace, at: float) -> None:
        self._state.caches_used[place] = max(at, self._state.caches_used.get(place, at))
