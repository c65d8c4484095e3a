"""Flaky tests as people see them: those that are known, and the list of those that are in quarantine."""

from __future__ import annotations

from typing import Final

from actors.analyzer.flaky import Tally, count, judge
from actors.analyzer.suites import histories
from cluster.store.store import Store
from models.errors import CallerError, NotFound
from models.flaky import Quarantined, quarantined
from models.ids import JobId
from models.record import Record

MOST_ENTRIES: Final = 1_000  # of one repository


class FlakyTest(Record):
    """A test that is known to be flaky: it failed `failures` times in `attempts` on the default branch.

    `score` is the chance that it fails by itself, `low` and `high` bound how often (95 %). Times are Unix seconds.
    """

    repository: str
    job: JobId
    test: str
    score: float
    low: float
    high: float
    failures: int
    attempts: int
    since: float
    last: float
    why: tuple[str, ...]


async def flaky_tests(store: Store, repository: str = "") -> list[FlakyTest]:
    """Those of one repository, or of all; the surest first."""
    found: list[FlakyTest] = []
    for of, job in await store.suites.known(repository):
        for history in histories(of, job, await store.suites.attempts(of, job)):
            judged = judge(history.runs)
            if judged.flaky:
                tally: Tally = count(history.runs)
                found.append(
                    FlakyTest(
                        repository=of,
                        job=job,
                        test=history.test,
                        score=judged.score,
                        low=judged.interval[0],
                        high=judged.interval[1],
                        failures=tally.failures,
                        attempts=tally.attempts,
                        since=history.failed_first,
                        last=history.failed_last,
                        why=judged.why,
                    )
                )
    return sorted(found, key=lambda test: (-test.score, test.repository, test.job, test.test))


async def set_aside(
    store: Store, repository: str, test: str, *, job: str, days: int, reason: str, by: str, now: float
) -> Quarantined:
    """Puts a test into quarantine, or gives it another end. Raises `CallerError`."""
    entry = quarantined(repository, test, job=job, days=days, reason=reason, by=by, now=now)
    entries = await store.quarantine.entries(repository)
    known = any((each.test, each.job) == (test, job) for each in entries)
    if not known and len(entries) >= MOST_ENTRIES:
        raise CallerError(
            f"{repository} has {len(entries)} tests in quarantine",
            remedy="remove some that have ended",
        )
    await store.quarantine.put(entry)
    return entry


async def take_back(store: Store, repository: str, test: str, job: str) -> None:
    """Takes a test out of quarantine: its next failure counts. Raises `NotFound`."""
    if not await store.quarantine.remove(repository, job, test):
        where = f" of the job {job!r}" if job else ""
        raise NotFound(
            f"{repository[:200]!r} has no test {test[:200]!r}{where} in quarantine", remedy="`delta quarantine list`"
        )
