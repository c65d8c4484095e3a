"""What is kept of a repository's tests over its runs: which failed where, and which of them people have set aside.

Names are written by the code under test: their length and their number are bounded here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from models.errors import CallerError
from models.ids import AttemptId, JobId
from models.record import Record

MAX_NAME_CHARS: Final = 300
MAX_NAMED: Final = 100  # tests of one attempt; of one in which more failed, only these are known by name
MAX_RUNS: Final = 60  # of one test's history
DAY_S: Final = 86_400
MAX_QUARANTINE_DAYS: Final = 90
MAX_REASON_CHARS: Final = 300


class TestOutcome(StrEnum):
    """How one test ended in one attempt."""

    __test__: ClassVar[bool] = False  # pytest takes a class of this name for one of its own

    PASS = "pass"
    FAIL = "fail"


class TestRun(Record):
    """One test in one attempt of a job.

    `suite_failures` is how many tests failed in the same attempt, this one included; `passes_before` how many attempts
    it passed before this one that are left out of the history.
    """

    __test__: ClassVar[bool] = False

    commit: str
    attempt: int = Field(ge=1)
    outcome: TestOutcome
    suite_failures: int = Field(ge=0)
    passes_before: int = Field(default=0, ge=0)


class TestHistory(Record):
    """A test that has failed: its attempts, oldest first, passes thinned to those next to a failure, and then counted.

    `failed_first` and `failed_last` are Unix time.
    """

    __test__: ClassVar[bool] = False

    repository: str
    job: JobId
    test: str
    runs: tuple[TestRun, ...]
    failed_first: float
    failed_last: float


class SuiteAttempt(Record):
    """What one attempt of a job told of its tests: the fact that histories are made from. Told twice, it is one.

    `failures` counts all that failed, `failed` names the first of them. `passed` are tests known to have passed by
    name; with `whole`, the job ran all of its tests and passed, so every other test passed.
    """

    id: AttemptId
    commit: str
    number: int
    at: float
    failures: int
    failed: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    whole: bool = False

    def outcome(self, test: str) -> TestOutcome | None:
        """How that test ended here; None when nothing is known of it."""
        if test in self.failed:
            return TestOutcome.FAIL
        return TestOutcome.PASS if self.whole or test in self.passed else None


class Quarantined(Record):
    """A test that people have set aside: it runs and is shown, and alone fails nothing, until `until` (Unix time).

    `job` is empty where it counts for every job of the repository.
    """

    repository: str
    test: str
    job: str = ""
    reason: str
    by: str
    since: float
    until: float


def quarantined(
    repository: str, test: str, *, job: str = "", days: int, reason: str, by: str, now: float
) -> Quarantined:
    """An entry of the list. Raises `CallerError` for one that could not be meant, or would have no end."""
    if not 1 <= days <= MAX_QUARANTINE_DAYS:
        raise CallerError(
            f"{days} days is no time for a quarantine",
            remedy=f"1 to {MAX_QUARANTINE_DAYS}; it can be asked for again when it ends",
        )
    parts = {"repository": (repository, 1024), "test": (test, MAX_NAME_CHARS), "reason": (reason, MAX_REASON_CHARS)}
    for name, (text, most) in parts.items():
        if not text.strip() or len(text) > most or not text.isprintable():
            raise CallerError(
                f"the {name} of a quarantine is {text[:80]!r}", remedy=f"one line of 1 to {most} characters"
            )
    if len(job) > 200 or not job.isprintable():
        raise CallerError(f"{job[:80]!r} names no job", remedy="the job's name, or none for all jobs")
    return Quarantined(
        repository=repository, test=test, job=job, reason=reason, by=by[:100], since=now, until=now + days * DAY_S
    )
