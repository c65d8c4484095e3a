"""The analyzer's explanation joins the record, also after the run has ended: it changes no state."""

from __future__ import annotations

from models.commands import Command, Learn, Report, Retire, RunProbes
from models.events import Event, EventKind
from models.failure import Explanation
from models.ids import AttemptId, JobId
from models.lifecycle.decision import Decision
from models.run import Job, Run


def explained(
    run: Run, job_id: JobId, attempt_id: AttemptId, explanation: Explanation, now: float, most_probed: int = 0
) -> Decision | None:
    """None when the job has gone on to another attempt, or carries this explanation already.

    The probes that it asks for are run for at most `most_probed` of the run's jobs.
    """
    job = run.job(job_id)
    if not job.over or job.attempt.id != attempt_id:
        return None
    explanation = _within(run, job, explanation, most_probed)
    if job.explanation == explanation:
        return None
    begins = _asks(explanation) and not _asks(job.explanation)
    job = job.having(explanation=explanation)
    finding = explanation.finding
    detail = f"{finding.category}: {finding.summary}"
    told = Event(kind=EventKind.JOB_EXPLAINED, at=now, job=job.id, attempt=job.attempt.number, detail=detail)
    probes: tuple[Command, ...] = (RunProbes(job=job.id, attempt=attempt_id),) if begins else ()
    commands: tuple[Command, ...] = (Report(), Learn(), Retire()) if run.over else (Report(),)
    return Decision(run=run.with_job(job), events=(told,), commands=(*probes, *commands))


def _within(run: Run, job: Job, explanation: Explanation, most_probed: int) -> Explanation:
    """What probes have found stays when the same attempt is explained again; too many are not begun."""
    if job.explanation is not None and _asks(job.explanation):
        return explanation.having(four_way=job.explanation.four_way, proposal=job.explanation.proposal)
    others = sum(each.id != job.id and _asks(each.explanation) for each in run.jobs)
    return explanation if others < most_probed else explanation.having(four_way=None, proposal=None)


def _asks(explanation: Explanation | None) -> bool:
    return explanation is not None and (explanation.four_way is not None or explanation.proposal is not None)
