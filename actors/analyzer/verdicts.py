"""The verdict on each failing test: caused here, fails on the base too, known flaky, or new and unclear. Pure.

What a test did before comes from the default branch alone (`suites.py`); a pull request's own attempts say only whether
the test also passed at this very commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from actors.analyzer.flaky import Judgement, judge
from actors.analyzer.suites import histories, history, summary
from models.failure import Category, Explanation, Finding, TestBlame, TestVerdict
from models.flaky import Quarantined, SuiteAttempt, TestHistory, TestOutcome, TestRun
from models.ids import JobId
from models.plan import Plan
from models.printable import day
from models.run import Job, Run

# A flake this unlikely is doubted: about one change in 200 breaks a test that it can reach.
_DOUBT: Final = 1 / 200
_SUSPECT: Final = 0.5  # so likely flaky that a passing base proves no guilt, shown or not


class Witnesses(NamedTuple):
    """All that is known: the base's attempts before this run, this run's attempts with the last one, the quarantine."""

    base: Sequence[SuiteAttempt]
    here: Sequence[SuiteAttempt]
    quarantine: Sequence[Quarantined] = ()


def verdicts(run: Run, job: Job, finding: Finding, known: Witnesses, now: float) -> tuple[TestVerdict, ...]:
    """One for each failing test, in their order. `now` is when they failed, Unix seconds."""
    names = dict.fromkeys(test.name for test in finding.failing_tests)
    past = {each.test: each for each in histories(run.change.repository, job.id, known.base, names.keys())}
    aside = {name: _quarantine(job, name, known.quarantine, now) for name in names}
    return tuple(_verdict(name, past.get(name), known, run, job).having(**aside[name]) for name in names)


def settled(explanation: Explanation) -> Explanation:
    """The category becomes `flaky` where every failing test is named by a report and is known to be."""
    finding, given = explanation.finding, explanation.verdicts
    all_flaky = bool(given) and all(each.blame is TestBlame.KNOWN_FLAKY for each in given)
    if not (explanation.exact and all_flaky and finding.category is Category.TEST):
        return explanation
    looked_at = (*finding.looked_at, "what these tests did before")
    sure = min(each.score for each in given)
    return explanation.having(finding=finding.having(category=Category.FLAKY, confidence=sure, looked_at=looked_at))


def _verdict(name: str, past: TestHistory | None, known: Witnesses, run: Run, job: Job) -> TestVerdict:
    here, change = history(name, known.here), run.change
    judged = judge(past.runs) if past is not None else None
    told = summary(past, judged.interval) if past is not None and judged is not None else ""
    if any(each.outcome is TestOutcome.PASS for each in here):
        return _by_retry(name, here)
    if judged is not None and judged.flaky:
        return _by_rate(name, judged, told, len(here))
    if change.base_ref and change.default_branch and change.base_ref != change.default_branch:
        return _unclear(name, f"only the branch {change.default_branch} is watched, and the base is another one")
    suspicion = f"{told}; {judged.why[-1]}" if judged is not None and judged.score > _SUSPECT else ""
    return _by_base(name, known.base, suspicion or _unreached(name, run.plan, job.id))


def _by_retry(name: str, here: Sequence[TestRun]) -> TestVerdict:
    """It passed in another attempt at this very commit."""
    judged = judge(here)
    said = "failed and passed at this same commit"
    if judged.flaky:
        return TestVerdict(test=name, blame=TestBlame.KNOWN_FLAKY, evidence=said, score=judged.score)
    return _unclear(name, f"{said}; {judged.why[-1]}", judged.score)


def _by_rate(name: str, judged: Judgement, told: str, failures: int) -> TestVerdict:
    """It is flaky by its past, and failed so often in this run, which has no pass of it."""
    if judged.interval[1] ** failures < _DOUBT:
        return _unclear(name, f"{told}, but at each of {failures} attempts here", judged.score)
    return TestVerdict(test=name, blame=TestBlame.KNOWN_FLAKY, evidence=told, score=judged.score)


def _by_base(name: str, base: Sequence[SuiteAttempt], suspicion: str) -> TestVerdict:
    """By the newest attempt on the base that tells of it. `suspicion`: why it may be flaky, which is not shown."""
    newest = next((each for each in reversed(base) if each.outcome(name) is not None), None)
    if newest is None:
        return _unclear(name, "nothing is known of it on the default branch")
    where = f"on the default branch at {newest.commit[:12]}"
    if newest.outcome(name) is TestOutcome.FAIL:
        return TestVerdict(test=name, blame=TestBlame.FAILS_ON_BASE, evidence=f"fails {where}")
    if suspicion:
        return _unclear(name, suspicion)
    return TestVerdict(test=name, blame=TestBlame.CAUSED_HERE, evidence=f"passes {where}, fails here")


def _unreached(name: str, plan: Plan | None, job: JobId) -> str:
    """That the failure has nothing to do with the diff, where the plan says so; empty where it cannot be said."""
    if plan is None or plan.merge_base is None:
        return ""
    if not plan.changed:
        return "passes on the default branch, and nothing was changed"
    would = next((each for each in plan.would_skip if each.job == job), None)
    file, node, _ = name.partition("::")
    chosen = node and would and any(file == each or file.startswith(f"{each}/") for each in would.selected)
    if would is None or chosen or (would.total and not node):
        return ""
    return "passes on the default branch, and nothing that was changed reaches it"


def _unclear(name: str, evidence: str, score: float = 0.0) -> TestVerdict:
    return TestVerdict(test=name, blame=TestBlame.NEW_AND_UNCLEAR, evidence=evidence, score=score)


def _quarantine(job: Job, name: str, entries: Sequence[Quarantined], now: float) -> dict[str, object]:
    """What the list says of a test that failed at `now`."""
    about = [each for each in entries if each.test == name and (not each.job or job.spec.is_called(each.job))]
    if not about:
        return {}
    entry = max(about, key=lambda each: each.until)
    end = day(entry.until)
    if entry.since <= now < entry.until:
        return {"set_aside": True, "quarantine": f"in quarantine until {end}: {entry.reason}"}
    return {"quarantine": f"its quarantine ended on {end}, so it counts again"} if now >= entry.until else {}
