"""Caches from the result of one run to the grant of the next, through the real orchestrator, supervisors and store."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

from actors.supervisor.caches import CacheKeeper
from cluster.blobs import LocalBlobs
from cluster.store.store import Store
from models.caches import CacheEntry, CacheHit, CachePlace
from models.ids import BlobId, RunId
from models.job import CacheSpec
from models.result import AttemptResult, SavedCache
from models.settings import CacheSettings
from tests.integration.control.plane import Make, Plane
from tests.unit.core.samples import FAILED, PASSED, spec

KEY, OTHER = "a" * 64, "b" * 64
JOB = spec("test").having(caches=(CacheSpec(key=KEY, paths=(".venv",)),))
MIB = 1024 * 1024


def saved(plane: Plane, content: bytes, key: str = KEY) -> SavedCache:
    blob, size_bytes = plane.caches.put(io.BytesIO(content), len(content))
    return SavedCache(key=key, blob=blob, size_bytes=size_bytes)


async def restored_after(plane: Plane, result: AttemptResult) -> tuple[CacheHit, ...]:
    """What the next run may restore when one has ended so."""
    first = await plane.submit("1")
    assert await plane.orchestrator.finish(await plane.lease(), result)
    assert await plane.retired() == first
    await plane.submit("2")
    return (await plane.lease("runner-2")).restore


async def test_what_a_passed_run_saved_the_next_one_restores(make: Make) -> None:
    plane = make(JOB)
    await plane.start()
    kept = saved(plane, b"tar")
    assert await restored_after(plane, PASSED.having(saved=(kept,))) == (
        CacheHit(key=KEY, scope="main", blob=kept.blob, size_bytes=3),
    )


async def test_nothing_comes_of_a_failure_of_another_key_or_of_a_blob_that_is_not_there(make: Make) -> None:
    plane = make(JOB)
    await plane.start()
    good = saved(plane, b"tar")
    lies = (good.having(key=OTHER), good.having(blob=BlobId("0" * 64)))
    for number, result in enumerate([FAILED.having(saved=(good,)), *(PASSED.having(saved=(lie,)) for lie in lies)]):
        await plane.submit(str(number))
        grant = await plane.lease(f"runner-{number}")
        assert grant.restore == ()
        assert await plane.orchestrator.finish(grant, result)
        await plane.retired()
    assert await plane.store.caches.everything() == []


def entry(scope: str, blob: BlobId, size_bytes: int, saved_at: float) -> CacheEntry:
    place = CachePlace(repository="github:ada/kitchen", scope=scope, key=KEY)
    return CacheEntry(place=place, blob=blob, size_bytes=size_bytes, run=RunId("r1"), saved_at=saved_at)


def age(folder: Path, at: float) -> None:
    for file in folder.rglob("*"):
        os.utime(file, (at, at))


async def test_what_is_too_much_goes_with_its_blob_and_a_shared_blob_stays(tmp_path: Path) -> None:
    store, blobs, now = Store.in_memory(), LocalBlobs(tmp_path), time.time()
    old, _ = blobs.put(io.BytesIO(b"o" * MIB), MIB)
    new, _ = blobs.put(io.BytesIO(b"n" * MIB), MIB)
    orphan, _ = blobs.put(io.BytesIO(b"orphan"), 10)
    (tmp_path / ".incoming-half").write_bytes(b"half")
    for each in (entry("branch:a", old, MIB, now - 2), entry("main", new, MIB, now), entry("branch:b", new, MIB, now)):
        await store.caches.keep(each)
    keeper = CacheKeeper(store.caches, blobs, CacheSettings(limit_mb=1))
    await keeper.drop(now)
    assert {used.entry.place.scope for used in await store.caches.everything()} == {"main", "branch:b"}
    assert (blobs.size(old), blobs.size(new), blobs.size(orphan)) == (None, MIB, 6), "a young orphan may get its entry"
    age(tmp_path, now - 8000)
    await keeper.drop(now)
    assert (blobs.size(new), blobs.size(orphan)) == (MIB, None)
    assert not (tmp_path / ".incoming-half").exists()
    await keeper.drop(now + 8 * 86_400)
    assert await store.caches.everything() == []
    assert blobs.size(new) is None
