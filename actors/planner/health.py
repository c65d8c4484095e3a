"""How good plans are, measured: what selection chose of what failed, what it missed, and what becomes of a miss. Pure.

Only what passed before counts. A test that the default branch has failed already says nothing about a change, and where
no whole run of the default branch is known, nothing is concluded.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from actors.planner.neighbours import Advice
from models.history import MAX_MISS_PATHS, Audit, Found, Miss, PastChange, PastJob, bounded
from models.ids import JobId, RunId
from models.machines import JobState
from models.plan import Plan, Reason, WouldSkip
from models.printable import code, listed
from models.record import Record

RULE: Final = "missed before"
MOST_WIDENED: Final = 100
_Z: Final = 1.959964  # 95 %
# The rules by which a plan knows by itself that a path reaches a test, or a job; the path stands first in them.
_KNOWN: Final = frozenset({"imports", "paths"})


class Observation(NamedTuple):
    """What one run showed; `audit` is None where it showed nothing."""

    audit: Audit | None
    misses: tuple[Miss, ...]


NOTHING: Final = Observation(None, ())


class Recall(Record):
    """Of the failures that ran whole, how many selection had chosen. `low` and `high` bound the share with 95 %."""

    caught: int
    missed: int
    share: float | None
    low: float
    high: float


class Health(Record):
    """`repository` empty: all of them. `sampled` left-out tests were run in audits, `sampled_failed` of them failed."""

    repository: str
    recall: Recall
    sampled: int
    sampled_failed: int
    open: tuple[Miss, ...]
    closed: tuple[Miss, ...]


def passed_before(job: JobId, test: str, before: PastChange | None) -> bool:
    """Whether the default branch is known to have passed this test; an empty one is the whole job."""
    past = next((each for each in before.jobs if each.id == job and each.whole), None) if before else None
    if past is None:
        return False
    return test not in past.failed_tests if test else past.state is JobState.PASSED


def observe_whole(past: PastChange, plan: Plan, before: PastChange | None) -> Observation:
    """What a run of everything shows about the selection that its plan would have made. `before`: the branch's last."""
    would = {each.job: each for each in plan.would_skip}
    known = {job.spec.id: {test.path for test in job.tests.selected} for job in plan.jobs if job.tests}
    caught, missed = 0, list[Miss]()
    for job in past.jobs:
        if job.id not in would or job.state not in {JobState.PASSED, JobState.FAILED}:
            continue
        for test in _failures(job, would[job.id], known.get(job.id)):
            if not passed_before(job.id, test, before):
                continue
            if test in would[job.id].selected:
                caught += 1
            else:
                missed.append(_miss(past, plan, job.id, test, Found.DEFAULT_BRANCH))
    if not caught and not missed:
        return NOTHING
    audit = Audit(run=past.run, repository=past.repository, at=past.at, whole=True, caught=caught, missed=len(missed))
    return Observation(audit, tuple(missed))


def _failures(job: PastJob, would: WouldSkip, tests: Collection[str] | None) -> tuple[str, ...]:
    """The tests that failed, of those that the job has: what it prints may name any file. Without tests, the job."""
    if job.state is not JobState.FAILED:
        return ()
    if not would.total:
        return ("",)
    return tuple(test for test in job.failed_tests if tests is None or test in tests)


def observe_sample(
    past: PastChange, plan: Plan, audited: Sequence[PastJob], at: float, before: PastChange | None
) -> Observation:
    """What an audit shows. `past` and `plan` are the audited run's, `audited` the jobs of the audit itself."""
    drawn = {sample.spec.id: sample.tests for sample in plan.samples}
    sampled, missed = 0, list[Miss]()
    for job in audited:
        if job.state not in {JobState.PASSED, JobState.FAILED}:
            continue
        known = [test for test in drawn.get(job.id, ()) if passed_before(job.id, test, before)]
        sampled += len(known)
        missed += [
            _miss(past, plan, job.id, test, Found.SAMPLE).having(at=at) for test in known if test in job.failed_tests
        ]
    if not sampled:
        return NOTHING
    audit = Audit(run=past.run, repository=past.repository, at=at, whole=False, sampled=sampled, missed=len(missed))
    return Observation(audit, tuple(missed))


def _miss(past: PastChange, plan: Plan, job: JobId, test: str, found: Found) -> Miss:
    changed = bounded((file.path for file in plan.changed), MAX_MISS_PATHS)
    return Miss(repository=past.repository, run=past.run, job=job, test=test, changed=changed, found=found, at=past.at)


def widen(misses: Iterable[Miss], changed: Collection[str], tests: Mapping[JobId, Collection[str]]) -> Advice:
    """The tests that open misses add to a change of the same folders. `tests` is as in `neighbours.advise`."""
    folders = {_folder(path) for path in changed}
    added: defaultdict[JobId, dict[str, tuple[Reason, ...]]] = defaultdict(dict)
    jobs: dict[JobId, tuple[Reason, ...]] = {}
    for miss in sorted((miss for miss in misses if miss.open), key=lambda miss: (-miss.at, miss.key)):
        near = sorted({path for path in miss.changed if _folder(path) in folders})
        if not near or miss.job not in tests or (miss.test and miss.test not in tests[miss.job]):
            continue
        what = code(miss.test) if miss.test else f"the job {code(miss.job)}"
        evidence = f"{what} failed unseen after a change of {listed(near)}, in run {miss.run} ({miss.found})"
        reason = (Reason(rule=RULE, evidence=evidence),)
        if len(jobs) + sum(map(len, added.values())) >= MOST_WIDENED:
            break
        jobs.setdefault(miss.job, reason)
        if miss.test:
            added[miss.job].setdefault(miss.test, reason)
    return Advice(tests=dict(added), jobs=jobs)


def fixed(misses: Iterable[Miss], plan: Plan, run: RunId, at: float) -> tuple[Miss, ...]:
    """The open misses that this plan would not make: its own rules lead from a missed path to the test. Closed."""
    found: defaultdict[tuple[JobId, str], list[str]] = defaultdict(list)
    for job in plan.jobs:
        found[job.spec.id, ""] += [why.evidence for why in job.reasons if why.rule in _KNOWN]
        for test in job.tests.selected if job.tests else ():
            found[job.spec.id, test.path] += [why.evidence for why in test.reasons if why.rule in _KNOWN]
    return tuple(
        miss.having(closed_at=at, fixed_by=run)
        for miss in misses
        if miss.open
        and any(
            evidence.startswith(f"{code(path)} ") for evidence in found[miss.job, miss.test] for path in miss.changed
        )
    )


def dismissed(miss: Miss, by: str, at: float) -> Miss:
    """A person says that it is none: a flake, or a test that depends on what no plan can know. Closed ones stay so."""
    return miss.having(closed_at=at, dismissed_by=by) if miss.open else miss


def health(audits: Iterable[Audit], misses: Iterable[Miss], repository: str = "") -> Health:
    """What is known of one repository's plans, or of all.

    A miss that was dismissed does not count: it leaves both the recall and the sample.
    """
    mine = [audit for audit in audits if repository in {"", audit.repository}]
    known = sorted((miss for miss in misses if repository in {"", miss.repository}), key=lambda m: (m.at, m.key))
    whole = [audit for audit in mine if audit.whole]
    parts = [audit for audit in mine if not audit.whole]
    no_misses = {found: sum(miss.found is found and bool(miss.dismissed_by) for miss in known) for found in Found}
    caught = sum(audit.caught for audit in whole)
    missed = max(0, sum(audit.missed for audit in whole) - no_misses[Found.DEFAULT_BRANCH])
    failed = max(0, sum(audit.missed for audit in parts) - no_misses[Found.SAMPLE])
    return Health(
        repository=repository,
        recall=recall(caught, missed),
        sampled=sum(audit.sampled for audit in parts),
        sampled_failed=failed,
        open=tuple(miss for miss in known if miss.open),
        closed=tuple(miss for miss in known if not miss.open),
    )


def recall(caught: int, missed: int) -> Recall:
    """The share with Wilson's interval (Wilson 1927), which holds for few cases and near 1, where plans should be."""
    total = caught + missed
    if not total:
        return Recall(caught=0, missed=0, share=None, low=0.0, high=1.0)
    share = caught / total
    spread = _Z * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    middle, scale = share + _Z**2 / (2 * total), 1 + _Z**2 / total
    low = 0.0 if not caught else (middle - spread) / scale
    high = 1.0 if not missed else (middle + spread) / scale
    return Recall(caught=caught, missed=missed, share=share, low=max(0.0, low), high=min(1.0, high))


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
