"""What attempts tell of their tests, and the histories made of it. Pure.

Only pushes to the default branch count: what a pull request or a fork does to a test says nothing of the test, and must
not make it look flaky. A test is known to have passed where its whole job ran and passed, or where a report names it;
that a log does not name it proves nothing, since many runners stop at the first failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from actors.analyzer.flaky import count
from models.change import Change, Trust
from models.failure import Finding
from models.flaky import MAX_NAME_CHARS, MAX_NAMED, MAX_RUNS, SuiteAttempt, TestHistory, TestOutcome, TestRun
from models.ids import JobId
from models.result import Cause, Outcome
from models.run import Attempt, Run

MOST_TESTS: Final = 1_000


def counts(change: Change) -> bool:
    """Whether what tests do in this change is remembered."""
    return change.trust is Trust.TRUSTED and change.on_default_branch


def tells(attempt: Attempt) -> bool:
    """Whether its tests can be believed: it came to its own end. One that was stopped stopped tests half way."""
    result = attempt.result
    ended = result is not None and result.cause is Cause.EXIT and result.outcome in {Outcome.PASSED, Outcome.FAILED}
    return ended and attempt.finished_at is not None


def passed(run: Run, job: JobId, attempt: Attempt) -> SuiteAttempt:
    """What an attempt tells that passed. With a plan that chose among the tests it tells nothing of the others."""
    return _told(run, attempt).having(whole=_ran_whole(run, job))


def failed(run: Run, attempt: Attempt, finding: Finding, names_passed: Iterable[str] = ()) -> SuiteAttempt:
    """What an attempt tells that failed. `names_passed` are tests that its reports say passed."""
    names = tuple(dict.fromkeys(test.name[:MAX_NAME_CHARS] for test in finding.failing_tests))
    return _told(run, attempt).having(
        failures=len(names),
        failed=names[:MAX_NAMED],
        passed=tuple(sorted(set(names_passed) - set(names)))[:MAX_NAMED],
    )


def histories(
    repository: str, job: JobId, attempts: Sequence[SuiteAttempt], of: AbstractSet[str] | None = None
) -> list[TestHistory]:
    """Of every test, or those named, that failed in one of the attempts, which are in order; by name.

    Of too many, those that failed last.
    """
    newest_first = (name for attempt in reversed(attempts) for name in attempt.failed if of is None or name in of)
    names = list(dict.fromkeys(newest_first))[:MOST_TESTS]
    return [
        TestHistory(
            repository=repository,
            job=job,
            test=name,
            runs=history(name, attempts),
            failed_first=min(attempt.at for attempt in attempts if name in attempt.failed),
            failed_last=max(attempt.at for attempt in attempts if name in attempt.failed),
        )
        for name in sorted(names)
    ]


def history(test: str, attempts: Sequence[SuiteAttempt]) -> tuple[TestRun, ...]:
    """The attempts that something is known of, passes thinned to those next to a failure; the newest `MAX_RUNS`.

    The last pass is kept as well, so that the passes since the last failure count.
    """
    told = [(attempt, outcome) for attempt in attempts if (outcome := attempt.outcome(test)) is not None]
    near = {n + by for n, (_, outcome) in enumerate(told) if outcome is TestOutcome.FAIL for by in (-1, 0, 1)}
    near.add(len(told) - 1)
    runs: list[TestRun] = []
    left_out = 0
    for n, (attempt, outcome) in enumerate(told):
        if n not in near:
            left_out += 1
            continue
        runs.append(
            TestRun(
                commit=attempt.commit,
                attempt=attempt.number,
                outcome=outcome,
                suite_failures=attempt.failures,
                passes_before=left_out,
            )
        )
        left_out = 0
    return tuple(runs[-MAX_RUNS:])


def summary(history: TestHistory, rate: tuple[float, float]) -> str:
    """`failed in 6 of 41 runs, 95 % interval 6-29 %, passed again at the same commit 3 times`."""
    tally = count(history.runs)
    text = f"failed in {tally.failures} of {tally.attempts} runs, 95 % interval {percent(rate)}"
    times = f"{tally.flips} time{'' if tally.flips == 1 else 's'}"
    return f"{text}, passed again at the same commit {times}" if tally.flips else text


def percent(rate: tuple[float, float]) -> str:
    """An interval of rates for a person: `0.2-3 %`."""
    low, high = (f"{100 * each:.1f}" if each < 0.0095 else f"{100 * each:.0f}" for each in rate)
    return f"{low}-{high} %"


def _told(run: Run, attempt: Attempt) -> SuiteAttempt:
    return SuiteAttempt(
        id=attempt.id, commit=run.change.head, number=attempt.number, at=attempt.finished_at or 0.0, failures=0
    )


def _ran_whole(run: Run, job: JobId) -> bool:
    planned = next((each for each in run.plan.jobs if each.spec.id == job), None) if run.plan else None
    if planned is None:
        return False
    return planned.tests is None or len(planned.tests.selected) == planned.tests.total
