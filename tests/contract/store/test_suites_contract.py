"""What attempts told of their tests, and the quarantine, as every store keeps them."""

from __future__ import annotations

from cluster.store.memory.suites import MemorySuites
from cluster.store.store import RedisStore, Store
from cluster.store.suites import SuiteStore
from models.flaky import Quarantined, SuiteAttempt
from models.ids import AttemptId, JobId
from models.ports import Suites
from tests.contract.store.conftest import Join

REPOSITORY = "ada/kitchen"
JOB = JobId("test")


def attempt(number: int, at: float | None = None, *failed: str) -> SuiteAttempt:
    return SuiteAttempt(
        id=AttemptId(f"r{number}.test.1"),
        commit=f"{number:040x}",
        number=1,
        at=number if at is None else at,
        failures=len(failed),
        failed=failed,
    )


def small(store: Store, most: int, most_suites: int) -> Suites:
    """A store of the same kind that keeps less."""
    if isinstance(store, RedisStore):
        return SuiteStore(store.redis, most, most_suites)
    assert isinstance(store.suites, MemorySuites)
    return MemorySuites(store.suites._state, most, most_suites)


async def test_attempts_are_kept_in_order_of_time_by_repository_and_job(store: Store, join: Join) -> None:
    told = [attempt(2), attempt(1, 1.0, "tests/test_a.py::test_x"), attempt(3, 1.0)]
    for each in told:
        await store.suites.tell(REPOSITORY, JOB, each)
    await store.suites.tell(REPOSITORY, JobId("lint"), attempt(7))
    await store.suites.tell("/srv/kitchen test", JOB, attempt(8))
    assert await join().suites.attempts(REPOSITORY, JOB) == [told[1], told[2], told[0]]
    assert await store.suites.attempts("nobody/nothing", JOB) == []
    assert await join().suites.known() == [("/srv/kitchen test", JOB), (REPOSITORY, JobId("lint")), (REPOSITORY, JOB)]
    assert await store.suites.known(REPOSITORY) == [(REPOSITORY, JobId("lint")), (REPOSITORY, JOB)]


async def test_the_same_attempt_told_twice_is_one(store: Store) -> None:
    for _ in range(3):
        await store.suites.tell(REPOSITORY, JOB, attempt(1, 1.0, "x"))
    assert await store.suites.attempts(REPOSITORY, JOB) == [attempt(1, 1.0, "x")]


async def test_of_too_many_attempts_the_oldest_go(store: Store) -> None:
    suites = small(store, 3, 10)
    for number in (5, 1, 4, 2, 3):
        await suites.tell(REPOSITORY, JOB, attempt(number))
    assert [each.at for each in await suites.attempts(REPOSITORY, JOB)] == [3, 4, 5]


async def test_of_too_many_jobs_those_told_of_longest_ago_go(store: Store) -> None:
    suites = small(store, 3, 2)
    for number, job in enumerate(("a", "b", "a", "c")):
        await suites.tell(REPOSITORY, JobId(job), attempt(number))
    assert await suites.known() == [(REPOSITORY, JobId("a")), (REPOSITORY, JobId("c"))]
    assert await suites.attempts(REPOSITORY, JobId("b")) == []


def entry(test: str, job: str = "", repository: str = REPOSITORY, until: float = 2.0) -> Quarantined:
    return Quarantined(repository=repository, test=test, job=job, reason="r", by="ada", since=1.0, until=until)


async def test_the_quarantine_is_by_repository_job_and_test(store: Store, join: Join) -> None:
    kept = [entry("a"), entry("a", "lint"), entry("b"), entry("a", repository="b/b")]
    for each in reversed(kept):
        assert await store.quarantine.put(each)
    assert not await store.quarantine.put(entry("a", until=9.0))
    assert await join().quarantine.entries() == [entry("a", until=9.0), *kept[1:]]
    assert await store.quarantine.entries("b/b") == [kept[3]]
    assert await store.quarantine.remove(REPOSITORY, "lint", "a")
    assert not await store.quarantine.remove(REPOSITORY, "lint", "a")
    assert not await store.quarantine.remove(REPOSITORY, "b", "")
    assert await store.quarantine.entries(REPOSITORY) == [entry("a", until=9.0), entry("b")]
