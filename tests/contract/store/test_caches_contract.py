"""The index of caches."""

from __future__ import annotations

from cluster.store.store import Store
from models.caches import CacheEntry, CachePlace
from models.ids import BlobId, RunId

PLACE = CachePlace(repository="github:ada/kitchen", scope="main", key="a" * 64)
ENTRY = CacheEntry(place=PLACE, blob=BlobId("1" * 64), size_bytes=7, run=RunId("r1"), saved_at=100.0)


async def test_what_is_kept_is_found_at_its_place_alone(store: Store) -> None:
    await store.caches.keep(ENTRY)
    others = [PLACE.having(scope="fork:#1"), PLACE.having(repository="github:eve/kitchen"), PLACE.having(key="b" * 64)]
    assert await store.caches.find([*others, PLACE]) == {PLACE: ENTRY}
    assert await store.caches.find([]) == {}


async def test_names_that_run_together_are_not_the_same_place(store: Store) -> None:
    await store.caches.keep(ENTRY.having(place=PLACE.having(repository="a", scope='b", "c')))
    assert await store.caches.find([PLACE.having(repository='a", "b', scope="c")]) == {}


async def test_keeping_again_changes_nothing_and_a_newer_one_takes_the_place(store: Store) -> None:
    await store.caches.keep(ENTRY)
    await store.caches.keep(ENTRY)
    assert [used.entry for used in await store.caches.everything()] == [ENTRY]
    newer = ENTRY.having(blob=BlobId("2" * 64), saved_at=200.0)
    await store.caches.keep(newer)
    assert await store.caches.find([PLACE]) == {PLACE: newer}


async def test_the_last_use_is_known_and_never_goes_back(store: Store) -> None:
    await store.caches.keep(ENTRY)
    assert [used.used_at for used in await store.caches.everything()] == [100.0]
    await store.caches.used([PLACE, PLACE.having(scope="nowhere")], 300.0)
    await store.caches.used([PLACE], 250.0)
    await store.caches.keep(ENTRY)
    assert [(used.entry, used.used_at) for used in await store.caches.everything()] == [(ENTRY, 300.0)]


async def test_what_is_forgotten_is_gone_unless_another_one_lies_there(store: Store) -> None:
    await store.caches.keep(ENTRY)
    newer = ENTRY.having(blob=BlobId("2" * 64))
    await store.caches.keep(newer)
    assert not await store.caches.forget(ENTRY)
    assert await store.caches.find([PLACE]) == {PLACE: newer}
    assert await store.caches.forget(newer)
    assert not await store.caches.forget(newer)
    assert await store.caches.everything() == []
    await store.caches.used([PLACE], 400.0)
    await store.caches.keep(ENTRY)
    assert [used.used_at for used in await store.caches.everything()] == [100.0], "no use of an earlier one is left"
