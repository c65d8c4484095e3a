"""What is known of a failing job's tests: gathered from the store and from the run, judged, and told to the store.

A retry is not explained while it goes on, so a run's earlier attempts are looked at when its last one has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple

from actors.analyzer import suites
from actors.analyzer.junit import MAX_TESTS, Report, read_report
from actors.analyzer.verdicts import Witnesses, settled, verdicts
from cluster.store.store import Store
from models.failure import Category, Explanation, Finding
from models.flaky import SuiteAttempt
from models.ids import AttemptId
from models.result import Outcome
from models.run import Attempt, Job, Run

_MOST_ATTEMPTS: Final = 5  # of one run, the newest


class Seen(NamedTuple):
    """What one attempt left behind. `complete`: none of its reports is missing in `reports`."""

    finding: Finding
    reports: Sequence[bytes]
    complete: bool


Look = Callable[[Job, Attempt], Awaitable[Seen]]


class Witness:
    """`look` analyses an attempt that has ended."""

    def __init__(self, store: Store, look: Look) -> None:
        self._store = store
        self._look = look

    async def explained(self, run: Run, job: Job, attempt: Attempt, seen: Seen) -> Explanation:
        """The finding with a verdict on each failing test: by what was known when they failed, however often asked."""
        if not suites.tells(attempt):
            return Explanation(finding=seen.finding)
        repository = run.change.repository
        ended = attempt.finished_at or 0.0
        told = await self._store.suites.attempts(repository, job.id)
        base = [each for each in told if each.at < ended and not each.id.startswith(f"{run.id}.")]
        here, read = await self._here(run, job, attempt.number, base, {attempt.id: seen})
        known = Witnesses(base=base, here=here, quarantine=await self._store.quarantine.entries(repository))
        given = await asyncio.to_thread(verdicts, run, job, seen.finding, known, ended)
        exact = attempt.id in read and _exact(seen, read[attempt.id])
        await self._tell(run, job, here)
        return settled(Explanation(finding=seen.finding, verdicts=given, exact=exact))

    async def passed(self, run: Run, job: Job) -> None:
        """The job passes: so do its tests, and earlier attempts of this run show which of them do so by chance."""
        if not suites.counts(run.change) or not job.attempts:
            return
        base: list[SuiteAttempt] = []
        if len(job.attempts) > 1:
            base = await self._store.suites.attempts(run.change.repository, job.id)
        here, _ = await self._here(run, job, job.attempt.number, base, {})
        await self._tell(run, job, here)

    async def _tell(self, run: Run, job: Job, told: Iterable[SuiteAttempt]) -> None:
        if suites.counts(run.change):
            for each in told:
                await self._store.suites.tell(run.change.repository, job.id, each)

    async def _here(
        self, run: Run, job: Job, last: int, base: Sequence[SuiteAttempt], seen: dict[AttemptId, Seen]
    ) -> tuple[list[SuiteAttempt], dict[AttemptId, list[Report]]]:
        """What the attempts of this run tell, up to that number; and the reports of those that failed."""
        attempts = [each for each in job.attempts[:last] if suites.tells(each)][-_MOST_ATTEMPTS:]
        failed = [each for each in attempts if not _passed(each)]
        looked = {each.id: seen[each.id] if each.id in seen else await self._look(job, each) for each in failed}
        wanted = {test.name for each in looked.values() for test in each.finding.failing_tests}
        wanted |= {name for told in base for name in told.failed}
        told: list[SuiteAttempt] = []
        read: dict[AttemptId, list[Report]] = {}
        for each in attempts:
            if each.id not in looked:
                told.append(suites.passed(run, job.id, each))
                continue
            read[each.id] = await asyncio.to_thread(_read, looked[each.id].reports, wanted)
            named = {name for report in read[each.id] for name in report.passed}
            told.append(suites.failed(run, each, looked[each.id].finding, named))
        return told, read


def _passed(attempt: Attempt) -> bool:
    return attempt.result is not None and attempt.result.outcome is Outcome.PASSED


def _read(reports: Sequence[bytes], wanted: set[str]) -> list[Report]:
    return [read_report(report, wanted) for report in reports]


def _exact(seen: Seen, reports: Sequence[Report]) -> bool:
    """Whether the reports name all that failed, and the failure is theirs: then nothing else can hide behind them."""
    failing = seen.finding.failing_tests
    named = bool(failing) and len(failing) < MAX_TESTS and all(test.source == "junit" for test in failing)
    theirs = named and seen.complete and seen.finding.category is Category.TEST
    return theirs and all(report.whole for report in reports)
