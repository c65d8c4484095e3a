"""A run as the one comment its pull request gets. Pure: the same run gives the same text.

A single line when all is well; otherwise a table of the jobs, what was skipped and why, and for each failed job its
explanation. The first two lines are hidden: the marker the comment is found by, and which run wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

from actors.analyzer.explain import markdown
from actors.analyzer.proposals.show import folded
from actors.reporter.markdown import clip, code, duration, inert
from models.ids import RunId
from models.machines import JobState, RunState
from models.plan import Reason, SkippedJob
from models.result import Cause, Outcome
from models.run import Job, Run

MARKER: Final = "<!-- delta-ci -->"
LIMIT: Final = 65_535  # characters; GitHub takes no more in a comment or in a check's text
_LINES_PER_EXPLANATION: Final = 40
_WRITTEN_BY: Final = re.compile(r"<!-- delta-ci-run (\S+) (\d+\.\d+) -->")

_SIGNS: Final[dict[JobState, str]] = {
    JobState.BLOCKED: "🕒",
    JobState.QUEUED: "🕒",
    JobState.ACTIVE: "⏳",
    JobState.PASSED: "✅",
    JobState.FAILED: "❌",
    JobState.SKIPPED: "⏭️",
    JobState.CANCELLED: "⏹️",
    JobState.ERRORED: "⚠️",
}
_RUN_SIGNS: Final[dict[RunState, str]] = {
    RunState.AWAITING_APPROVAL: "✋",
    RunState.PASSED: "✅",
    RunState.FAILED: "❌",
    RunState.CANCELLED: "⏹️",
    RunState.ERRORED: "⚠️",
}
_IN_PROGRESS: Final = "⏳"
_ALLOWED: Final = "🟡"
ONLY_QUARANTINED: Final = "only quarantined tests fail"


def comment(run: Run, public_url: str) -> str:
    """The comment's Markdown, at most `LIMIT` characters. `public_url` is what links start with; empty: no links."""
    head = f"{MARKER}\n<!-- delta-ci-run {run.id} {run.created_at:.6f} -->\n{headline(run)}{_link(run, public_url)}"
    if run.state is RunState.PASSED and not ran_unsafely(run):
        return head
    blocks = [head]
    if ran_unsafely(run):
        blocks.append("> ⚠️ **Unsafe:** at least one job ran without gVisor's protection.")
    if shown := folded(run.proposal):
        blocks.append(shown)
    if run.jobs:
        blocks.append(_table(run.jobs))
    if run.plan and run.plan.skipped:
        blocks.append(skipped(run.plan.skipped))
    if run.plan and run.plan.notes:
        blocks.append("\n".join(f"- {inert(note)}" for note in run.plan.notes))
    blocks += [
        f"### {code(job.id)}\n\n{why_failed(job, log_url(run.id, job, public_url))}"
        for job in run.jobs
        if _calls_for_explanation(job)
    ]
    return _fitting(blocks)


def headline(run: Run) -> str:
    """One line on the whole run: its state, how many jobs ended how, how long it took."""
    sign = _RUN_SIGNS.get(run.state, _IN_PROGRESS) if not is_excused(run) else _ALLOWED
    excuse = f", {ONLY_QUARANTINED}" if is_excused(run) else ""
    parts = [f"{sign} **Delta: {run.state.replace('_', ' ')}{excuse}** {code(run.change.head[:12])}"]
    counts = count_line(run)
    if counts:
        parts.append(counts)
    if saved := _left_out(run):
        parts.append(saved)
    if run.finished_at is not None:
        parts.append(duration(run.finished_at - run.created_at))
    if run.detail:
        parts.append(inert(run.detail))
    return " · ".join(parts)


def count_line(run: Run) -> str:
    """`2 passed, 3 skipped, 1 failed (allowed)`; what the plan left out counts as skipped."""
    quarantined = sum(only_quarantined(job) for job in run.jobs)
    states = [job.state for job in run.jobs if not job.tolerated and not only_quarantined(job)]
    states += [JobState.SKIPPED] * (len(run.plan.skipped) if run.plan else 0)
    counts = [f"{states.count(state)} {state}" for state in JobState if state in states]
    tolerated = sum(job.tolerated for job in run.jobs)
    counts += [f"{tolerated} failed (allowed)"] if tolerated else []
    counts += [f"{quarantined} failed (quarantined tests)"] if quarantined else []
    return ", ".join(counts)


def only_quarantined(job: Job) -> bool:
    """Whether nothing failed in the job but tests that were in quarantine, all named by its reports.

    It is not so for one that was stopped, nor while its failure is not explained yet.
    """
    if job.tolerated or job.state is not JobState.FAILED or not job.attempts or job.explanation is None:
        return False
    result = job.attempt.result
    ended = result is not None and result.outcome is Outcome.FAILED and result.cause is Cause.EXIT
    return ended and job.explanation.only_set_aside


def is_excused(run: Run) -> bool:
    """Whether the run failed by nothing but that: all else ran, and passed or may fail."""
    if run.state is not RunState.FAILED or not any(only_quarantined(job) for job in run.jobs):
        return False
    return all(job.state is JobState.PASSED or job.tolerated or only_quarantined(job) for job in run.jobs)


def _left_out(run: Run) -> str:
    """What the plan saved by choosing tests, or nothing."""
    if run.plan is None:
        return ""
    chosen = [*(job.tests for job in run.plan.jobs), *(job.tests for job in run.plan.skipped)]
    total = sum(tests.total for tests in chosen if tests is not None)
    left_out = total - sum(len(tests.selected) for tests in chosen if tests is not None)
    return f"{left_out} of {total} tests not needed" if left_out else ""


def reasons(given: Iterable[Reason]) -> str:
    """Why a job runs or is skipped, on one line."""
    return "; ".join(f"{inert(reason.rule, 80)}: {inert(reason.evidence)}" for reason in given)


def skipped(jobs: Sequence[SkippedJob]) -> str:
    """What the plan left out, each with its reason, folded away."""
    rows = [f"- {code(job.id)}: {reasons(job.reasons)}" for job in jobs]
    return f"<details><summary>Skipped by the plan: {len(rows)}</summary>\n\n" + "\n".join(rows) + "\n\n</details>"


def why_failed(job: Job, log_url: str = "") -> str:
    """The explanation of a job that did not pass, or an honest word that there is none yet. For `log_url` see there."""
    if job.explanation is not None:
        known = job.explanation
        text = markdown(known, log_url)
        text = clip("\n".join(text.splitlines()[:_LINES_PER_EXPLANATION]), LIMIT // 4)
        # Whole, whatever the explanation's length: its patch is bounded, and half a block would swallow what follows.
        return f"{text}\n\n{shown}" if (shown := folded(known.proposal)) else text
    outcome = f": {inert(job.detail)}" if job.detail else ""
    return f"{job.state.capitalize()}{outcome}. An explanation is being worked out."


def ran_unsafely(run: Run) -> bool:
    """Whether any attempt ran outside gVisor."""
    return any(attempt.result is not None and attempt.result.unsafe for job in run.jobs for attempt in job.attempts)


def run_url(run: RunId, public_url: str) -> str:
    """Where the run can be seen, or empty when nobody said what this server is called from outside."""
    return f"{public_url.rstrip('/')}/v1/runs/{run}" if public_url else ""


def log_url(run: RunId, job: Job, public_url: str) -> str:
    """Where the log of the attempt that counts can be read, up to its query; empty where there is no such place."""
    url = run_url(run, public_url)
    return f"{url}/jobs/{quote(job.id)}/log?attempt={job.attempt.number}&" if url and job.attempts else ""


def written_by(body: str) -> tuple[RunId, float] | None:
    """The run that a comment of Delta's shows, and when that run was created (Unix seconds)."""
    found = _WRITTEN_BY.search(body)
    return (RunId(found[1]), float(found[2])) if found else None


def took(job: Job) -> str:
    """How long the attempt that counts ran, or empty while that is not known."""
    attempt = job.attempts[-1] if job.attempts else None
    if attempt is None or attempt.started_at is None or attempt.finished_at is None:
        return ""
    return duration(attempt.finished_at - attempt.started_at)


def _table(jobs: Iterable[Job]) -> str:
    rows = ["| job | result | why it is here |", "|---|---|---|"]
    for job in jobs:
        result = f"{_SIGNS[job.state]} {job.state}" if not job.tolerated else f"{_ALLOWED} {job.state}, allowed"
        if only_quarantined(job):
            result = f"{_ALLOWED} {job.state}, {ONLY_QUARANTINED}"
        if spent := took(job):
            result += f" in {spent}"
        if len(job.attempts) > 1:
            result += f", attempt {len(job.attempts)}"
        if job.detail:
            result += f": {inert(job.detail, 160)}"
        rows.append(f"| {code(job.id)} | {result} | {reasons(job.reasons)} |")
    return "\n".join(rows)


def _calls_for_explanation(job: Job) -> bool:
    return job.state in {JobState.FAILED, JobState.ERRORED}


def _link(run: Run, public_url: str) -> str:
    url = run_url(run.id, public_url)
    return f" · [details]({url})" if url else ""


def _fitting(blocks: list[str]) -> str:
    """The blocks in order, as many as fit whole; what is left out is counted."""
    text = blocks[0]
    for index, block in enumerate(blocks[1:], start=1):
        part = clip(block, LIMIT // 2)
        if len(text) + len(part) > LIMIT - 200:  # room for the line below
            return f"{text}\n\n… {len(blocks) - index} more parts do not fit here."
        text += f"\n\n{part}"
    return text
