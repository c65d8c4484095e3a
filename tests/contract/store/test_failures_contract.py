"""Remembered failures, with the embeddings of their excerpts."""

from __future__ import annotations

from cluster.store.failures import MOST_PASSED, FailureStore
from cluster.store.memory.failures import MemoryFailures
from cluster.store.store import RedisStore, Store
from models.failure import Category, RememberedFailure, Repeats
from models.ids import AttemptId, CommitId, JobId, RunId
from models.ports import Failures

REPOSITORY = "ada/kitchen"
TEST = JobId("test")
FIX = CommitId("2e4b")


def failure(
    number: int, signature: str = "no tea #1", line: str = "#2", repository: str = REPOSITORY
) -> RememberedFailure:
    return RememberedFailure(
        repository=repository,
        line=line,
        run=RunId(f"r{number}"),
        job=TEST,
        at=float(number),
        head=CommitId(f"{number:040x}"),
        category=Category.TEST,
        signature=signature,
    )


async def all_vectors(failures: Failures, repository: str = REPOSITORY) -> dict[str, bytes]:
    return {key: vector async for page in failures.vectors(repository) for key, vector in page}


def small(store: Store, most: int) -> Failures:
    """A store of the same kind that keeps less."""
    if isinstance(store, RedisStore):
        return FailureStore(store.redis, most)
    assert isinstance(store.failures, MemoryFailures)
    return MemoryFailures(store.failures._state, most)


async def test_a_failure_is_remembered_once_with_its_vector_in_its_repository(store: Store) -> None:
    first, other = failure(1), failure(2, repository="eve/kitchen")
    for each in (first, first, other):
        await store.failures.remember(each, b"vector of " + each.run.encode())
    assert await store.failures.find(REPOSITORY, ["r9.test", "r2.test", "r1.test"]) == [first]
    assert await store.failures.find(REPOSITORY, []) == []
    assert await all_vectors(store.failures) == {"r1.test": b"vector of r1"}
    assert await all_vectors(store.failures, "bob/kitchen") == {}


async def test_those_with_one_signature_are_counted_and_the_newest_come_first(store: Store) -> None:
    for number in (3, 1, 2):
        await store.failures.remember(failure(number))
    await store.failures.remember(failure(4, signature="no water #2"))
    found = await store.failures.alike(REPOSITORY, "no tea #1", 2)
    assert found == Repeats(times=3, since=1.0, latest=(failure(3), failure(2)))
    assert await store.failures.alike(REPOSITORY, "no cups", 2) == Repeats()
    assert await store.failures.alike("eve/kitchen", "no tea #1", 2) == Repeats()


async def test_explained_anew_it_counts_with_its_new_signature_alone(store: Store) -> None:
    await store.failures.remember(failure(1))
    await store.failures.remember(failure(1, signature="no water #2"))
    assert (await store.failures.alike(REPOSITORY, "no tea #1", 9)).times == 0
    assert (await store.failures.alike(REPOSITORY, "no water #2", 9)).times == 1


async def test_what_is_fixed_is_no_longer_among_the_unfixed_and_keeps_its_vector(store: Store) -> None:
    for number in (2, 1):
        await store.failures.remember(failure(number), b"vector")
    await store.failures.remember(failure(3, line="main"))
    assert await store.failures.unfixed(REPOSITORY, "#2", TEST) == [failure(1), failure(2)]
    assert await store.failures.unfixed(REPOSITORY, "#2", JobId("lint")) == []
    await store.failures.remember(failure(1).having(fixed_by=FIX))
    assert await store.failures.unfixed(REPOSITORY, "#2", TEST) == [failure(2)]
    assert (await store.failures.alike(REPOSITORY, "no tea #1", 9)).latest[-1].fixed_by == FIX
    assert (await all_vectors(store.failures)).keys() == {"r1.test", "r2.test"}


async def test_of_too_many_the_oldest_go_with_all_that_belongs_to_them(store: Store) -> None:
    failures = small(store, most=2)
    for number in (3, 1, 2):
        await failures.remember(failure(number), b"vector")
    assert await failures.find(REPOSITORY, ["r1.test", "r2.test", "r3.test"]) == [failure(2), failure(3)]
    assert (await failures.alike(REPOSITORY, "no tea #1", 9)).times == 2
    assert await failures.unfixed(REPOSITORY, "#2", TEST) == [failure(2), failure(3)]
    assert (await all_vectors(failures)).keys() == {"r2.test", "r3.test"}


async def test_many_vectors_come_whole_though_in_pages(store: Store) -> None:
    for number in range(1_500):
        await store.failures.remember(failure(number), str(number).encode())
    assert await all_vectors(store.failures) == {f"r{number}.test": str(number).encode() for number in range(1_500)}


async def test_the_attempts_that_passed_lastly_are_known_newest_first(store: Store) -> None:
    failures, job = store.failures, JobId("test")
    assert await failures.passed(REPOSITORY, job) == []
    for name in ("r1.test.1", "r2.test.1", "r1.test.1", "r1.test.1"):
        await failures.note_passed(REPOSITORY, job, AttemptId(name))
    await failures.note_passed(REPOSITORY, JobId("lint"), AttemptId("r9.lint.1"))
    assert await failures.passed(REPOSITORY, job) == ["r1.test.1", "r2.test.1"]
    for number in range(MOST_PASSED):
        await failures.note_passed(REPOSITORY, job, AttemptId(f"r{number}.test.2"))
    assert await failures.passed(REPOSITORY, job) == [f"r{number}.test.2" for number in range(MOST_PASSED)][::-1]
    assert await failures.passed("eve/kitchen", job) == []
