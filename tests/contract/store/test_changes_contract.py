"""Past changes with their embeddings, and what was learned of plans."""

from __future__ import annotations

import numpy as np

from cluster.store.changes import ChangeStore, LessonStore
from cluster.store.memory.changes import MemoryChanges, MemoryLessons
from cluster.store.store import RedisStore, Store
from models.history import Audit, Found, Miss, PastChange, PastJob, Profile, RecipeStep
from models.ids import CommitId, JobId, RunId
from models.machines import JobState
from models.ports import Changes, Lessons

REPOSITORY = "ada/kitchen"

MISS = Miss(
    repository=REPOSITORY,
    run=RunId("r1"),
    job=JobId("test"),
    test="tests/test_a.py",
    changed=("src/a.py",),
    found=Found.SAMPLE,
    at=2.0,
)


def change(number: int, state: JobState = JobState.PASSED, repository: str = REPOSITORY) -> PastChange:
    return PastChange(
        run=RunId(f"r{number}"),
        repository=repository,
        at=float(number),
        head=CommitId(f"{number:040x}"),
        paths=(f"src/{number}.py",),
        jobs=(PastJob(id=JobId("test"), state=state),),
    )


def vector(*values: float) -> bytes:
    return np.array(values, dtype=np.float32).tobytes()


async def all_vectors(changes: Changes, repository: str = REPOSITORY) -> dict[RunId, bytes]:
    return {run: found async for page in changes.vectors(repository) for run, found in page}


def small(store: Store, most: int, most_texts: int) -> Changes:
    """A store of the same kind that keeps less."""
    if isinstance(store, RedisStore):
        return ChangeStore(store.redis, most, most_texts)
    assert isinstance(store.changes, MemoryChanges)
    return MemoryChanges(store.changes._state, most, most_texts)


async def test_what_is_remembered_is_found_in_its_repository_alone(store: Store) -> None:
    await store.changes.remember(change(1))
    await store.changes.remember(change(2))
    assert await store.changes.find(REPOSITORY, [RunId("r2"), RunId("r9"), RunId("r1")]) == [change(2), change(1)]
    assert await store.changes.find("eve/kitchen", [RunId("r1")]) == []
    assert await store.changes.find(REPOSITORY, []) == []


async def test_the_latest_come_first_and_those_that_failed_are_known(store: Store) -> None:
    for number, state in ((2, JobState.FAILED), (3, JobState.PASSED), (1, JobState.FAILED)):
        await store.changes.remember(change(number, state))
    assert [each.run for each in await store.changes.latest(REPOSITORY, 2)] == ["r3", "r2"]
    assert [each.run for each in await store.changes.latest(REPOSITORY, 9, failed=True)] == ["r2", "r1"]
    await store.changes.remember(change(2, JobState.PASSED))
    assert [each.run for each in await store.changes.latest(REPOSITORY, 9, failed=True)] == ["r1"], "it was run again"
    assert await store.changes.latest("eve/kitchen", 9) == []


async def test_a_text_waits_until_it_has_its_vector(store: Store) -> None:
    await store.changes.remember(change(1), "one")
    await store.changes.remember(change(2), "two")
    await store.changes.remember(change(2))
    assert await store.changes.waiting(REPOSITORY) == {"r1": "one", "r2": "two"}
    await store.changes.embedded(REPOSITORY, {RunId("r1"): vector(1, 0)})
    await store.changes.embedded(REPOSITORY, {})
    assert await store.changes.waiting(REPOSITORY) == {"r2": "two"}
    assert await all_vectors(store.changes) == {"r1": vector(1, 0)}
    assert await all_vectors(store.changes, "eve/kitchen") == {}


async def test_many_vectors_come_whole_though_in_pages(store: Store) -> None:
    many = {RunId(f"r{number}"): vector(number, 1) for number in range(3_000)}
    await store.changes.embedded(REPOSITORY, many)
    assert await all_vectors(store.changes) == many


async def test_of_too_many_the_oldest_go_with_all_that_belongs_to_them(store: Store) -> None:
    changes = small(store, most=3, most_texts=2)
    for number in (5, 1, 4, 2, 3):
        await changes.remember(change(number, JobState.FAILED), f"text {number}")
        await changes.embedded(REPOSITORY, {RunId("r5"): vector(5), RunId("r1"): vector(1)} if number == 1 else {})
    assert [each.run for each in await changes.latest(REPOSITORY, 9)] == ["r5", "r4", "r3"]
    assert [each.run for each in await changes.latest(REPOSITORY, 9, failed=True)] == ["r5", "r4", "r3"]
    assert await all_vectors(changes) == {"r5": vector(5)}
    assert await changes.waiting(REPOSITORY) == {"r3": "text 3", "r4": "text 4"}


async def test_of_too_many_texts_the_oldest_go(store: Store) -> None:
    changes = small(store, most=9, most_texts=2)
    for number in (3, 1, 2):
        await changes.remember(change(number), f"text {number}")
    assert await changes.waiting(REPOSITORY) == {"r2": "text 2", "r3": "text 3"}
    assert len(await changes.latest(REPOSITORY, 9)) == 3


async def test_misses_are_kept_until_they_are_closed_and_after(store: Store) -> None:
    miss = MISS
    other = miss.having(repository="eve/kitchen", run=RunId("r2"), at=1.0)
    await store.lessons.note_miss(miss)
    await store.lessons.note_miss(other)
    assert await store.lessons.misses() == [other, miss]
    closed = miss.having(closed_at=5.0, dismissed_by="ada")
    await store.lessons.note_miss(closed)
    assert await store.lessons.misses(REPOSITORY) == [closed]


async def test_of_too_many_misses_the_oldest_go(store: Store) -> None:
    if isinstance(store, RedisStore):
        lessons: Lessons = LessonStore(store.redis, most_misses=2)
    else:
        assert isinstance(store.lessons, MemoryLessons)
        lessons = MemoryLessons(store.lessons._state, most_misses=2)
    for number in (3, 1, 2):
        await lessons.note_miss(MISS.having(run=RunId(f"r{number}"), at=float(number)))
    assert [each.run for each in await lessons.misses()] == ["r2", "r3"]


async def test_audits_are_counted_once_a_run(store: Store) -> None:
    audit = Audit(run=RunId("r1"), repository=REPOSITORY, at=2.0, whole=True, caught=1)
    await store.lessons.note_audit(audit)
    await store.lessons.note_audit(audit.having(caught=2))
    await store.lessons.note_audit(audit.having(run=RunId("r0"), at=1.0, repository="eve/kitchen"))
    assert await store.lessons.audits(REPOSITORY) == [audit.having(caught=2)]
    assert [each.run for each in await store.lessons.audits()] == ["r0", "r1"]


async def test_a_repository_has_one_profile(store: Store) -> None:
    step = RecipeStep(job=JobId("test"), image="runner-python", run=("pytest",))
    profile = Profile(repository=REPOSITORY, at=1.0, features={".py": 2.0}, recipe=(step,))
    await store.lessons.keep_profile(profile)
    await store.lessons.keep_profile(profile.having(at=2.0))
    await store.lessons.keep_profile(profile.having(repository="a/a"))
    assert await store.lessons.profiles() == [profile.having(repository="a/a"), profile.having(at=2.0)]
