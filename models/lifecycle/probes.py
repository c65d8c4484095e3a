"""Probes of a failed job: which runs they are, what one has shown, and what becomes of the explanation then."""

from __future__ import annotations

from models.change import Change, ChangeKind
from models.commands import Command, Report, Retire, RunProbes
from models.events import Event, EventKind
from models.failure import Explanation, Finding
from models.ids import CommitId, JobId, RunId
from models.lifecycle.decision import Decision
from models.machines import JobState
from models.probe import CornerProbe, Probe, Probed
from models.proposal import Proposal, ProposalKind
from models.run import Job, Run


def probe_changes(run: Run, job_id: JobId) -> tuple[Change, ...]:
    """The changes of the probes that a job's explanation waits for. The same job gives the same ones."""
    job = run.job(job_id)
    if job.explanation is None:
        return ()
    check, proposal = job.explanation.four_way, job.explanation.proposal
    found = [_corner(run, job, each) for each in (check.probes if check else ()) if each.outcome is None]
    if proposal is not None and proposal.outcome is None:
        found.append(_trial(run, job, proposal) if proposal.patch else _rewriting(run, job, proposal))
    return tuple(found)


def _corner(run: Run, job: Job, asked: CornerProbe) -> Change:
    probe = Probe(run=run.id, job=job.id, attempt=job.attempt.id, corner=asked.corner, node=asked.node)
    return _change(run, asked.commit or run.change.head, asked.corner.replace("_", " "), probe)


def _rewriting(run: Run, job: Job, proposal: Proposal) -> Change:
    """The first of two: it is to show what the patch is."""
    probe = Probe(run=run.id, job=job.id, attempt=job.attempt.id, snapshots=proposal.snapshots)
    return _change(run, run.change.head, "to write its snapshots anew", probe)


def _trial(run: Run, job: Job, proposal: Proposal) -> Change:
    fresh = proposal.kind is ProposalKind.DEPENDENCY
    probe = Probe(
        run=run.id,
        job=job.id,
        attempt=job.attempt.id,
        patch=proposal.patch,
        fresh=fresh,
        image=proposal.image,
    )
    return _change(run, run.change.head, f"with the {proposal.kind} proposal", probe)


def _change(run: Run, head: CommitId, what: str, probe: Probe) -> Change:
    """As the run's own, so that it reads the same caches; but of no pull request, so that no push takes its place."""
    title = f"probe of {probe.attempt}: {what}"
    return run.change.having(
        kind=ChangeKind.PROBE,
        head=head,
        base=None,
        number=None,
        title=title,
        delivery="",
        nonce=title,
        probe=probe,
    )


def outcome(probe_run: Run, about: Finding, *, unexplained: bool = False) -> Probed | None:
    """What a probe has shown of a failure. None: not yet, it has not ended or is still being explained.

    `unexplained`: it will not be, so a failure may be any.
    """
    if not probe_run.over:
        return None
    job = probe_run.jobs[0] if probe_run.jobs else None
    if job is None or job.state not in {JobState.PASSED, JobState.FAILED}:
        return Probed.NOT_RUN
    if job.state is JobState.PASSED:
        return Probed.PASSED
    if job.explanation is None:
        return Probed.OTHERWISE if unexplained else None
    return Probed.FAILED if alike(about, job.explanation.finding) else Probed.OTHERWISE


def alike(failure: Finding, other: Finding) -> bool:
    """Whether `other` shows the same failure: all tests that failed fail there too; without tests, by signature.

    On another commit a test may not exist, and asking for it fails as well: that is another failure.
    """
    failed = {test.name for test in failure.failing_tests}
    if failed:
        return failed <= {test.name for test in other.failing_tests}
    return not other.failing_tests and failure.signature == other.signature


def noted(run: Run, probe_run: Run, now: float, *, unexplained: bool = False, patch: str = "") -> Decision | None:
    """What a probe of one of the run's jobs has shown joins its explanation. None: nothing new, or too late.

    `patch` is what one that wrote snapshots anew came to; it is tried then.
    """
    probe = probe_run.change.probe
    job = next((job for job in run.jobs if probe is not None and job.id == probe.job), None)
    if probe is None or job is None or job.explanation is None or not job.over or job.attempt.id != probe.attempt:
        return None
    shown = outcome(probe_run, job.explanation.finding, unexplained=unexplained)
    after = _with(job.explanation, probe, probe_run.id, shown, patch) if shown else job.explanation
    if shown is None or after == job.explanation:
        return None
    verdict = after.four_way.verdict if after.four_way and probe.corner else None
    said = f"{probe_run.change.title}: {shown.replace('_', ' ')}, run {probe_run.id}"
    said += f": {verdict.replace('_', ' ')}" if verdict else ""
    job = job.having(explanation=after)
    told = Event(kind=EventKind.JOB_PROBED, at=now, job=job.id, attempt=job.attempt.number, detail=said)
    command = _follows(probe, job, verdict is not None)
    commands: tuple[Command, ...] = (command, *((Retire(),) if run.over else ())) if command else ()
    return Decision(run=run.with_job(job), events=(told,), commands=commands)


def _follows(probe: Probe, job: Job, decided: bool) -> Command | None:
    """People are told of what is known by now; a patch that was just made is tried first."""
    if probe.snapshots is not None:
        proposal = job.explanation.proposal if job.explanation else None
        made = proposal is not None and proposal.outcome is None
        return RunProbes(job=job.id, attempt=job.attempt.id) if made else None
    return Report() if decided or probe.corner is None else None


def _with(known: Explanation, probe: Probe, run: RunId, shown: Probed, patch: str) -> Explanation:
    """The explanation with what a probe has shown; as it was, where that is known or was not asked."""
    if probe.corner is not None:
        return known.having(four_way=known.four_way.noted(probe.corner, run, shown)) if known.four_way else known
    proposal = known.proposal
    if proposal is None or proposal.outcome is not None:
        return known
    if probe.snapshots is None:  # a trial
        return known.having(proposal=proposal.having(run=run, outcome=shown)) if proposal.patch else known
    if proposal.patch:
        return known
    if shown is Probed.PASSED and patch:
        return known.having(proposal=proposal.having(patch=patch))
    return known.having(proposal=proposal.having(run=run, outcome=Probed.NOT_RUN))
