"""A job never waits for its caches: not for a store that does not answer, and not where it has none."""

from __future__ import annotations

from collections.abc import Sequence

from actors.orchestrator.caches import restorable
from cluster.store.memory.caches import MemoryCaches
from cluster.store.memory.state import State
from models.caches import CacheEntry, CachePlace, access
from models.errors import InfrastructureError
from models.ids import BlobId, RunId
from models.job import CacheSpec
from tests.unit.core.samples import NOW, change

KEY = "a" * 64
SPECS = (CacheSpec(key=KEY, paths=("x",)),)
PLACE = CachePlace(repository=access(change()).repository, scope="main", key=KEY)


class Silent(MemoryCaches):
    """Does not answer."""

    async def find(self, places: Sequence[CachePlace]) -> dict[CachePlace, CacheEntry]:
        raise InfrastructureError(f"Redis is gone: nobody knows {len(places)} places")


async def test_a_store_that_does_not_answer_costs_the_caches_and_not_the_lease() -> None:
    assert await restorable(Silent(State()), SPECS, change(), NOW) == ()
    assert await restorable(Silent(State()), (), change(), NOW) == (), "it is not even asked"


async def test_what_is_given_to_a_run_was_of_use_then() -> None:
    index = MemoryCaches(State())
    await index.keep(CacheEntry(place=PLACE, blob=BlobId("1" * 64), size_bytes=1, run=RunId("r1"), saved_at=NOW - 50))
    assert [hit.key for hit in await restorable(index, SPECS, change(), NOW)] == [KEY]
    assert [used.used_at for used in await index.everything()] == [NOW]
