"""The plan of a probe: one job of an earlier run once more, with what is different taken from the probe. Pure."""

from __future__ import annotations

from typing import Final

from models.change import Change
from models.errors import NotFound
from models.job import JobSpec
from models.plan import Plan, PlannedJob, Reason
from models.policy import Policy, violations
from models.probe import Probe
from models.run import Job, Run
from models.snapshots import rewriting

RULE: Final = "probe"


def probe_plan(change: Change, about: Run, policy: Policy) -> Plan:
    """`about` is the run that the probe looks at. The job needs nothing, is tried once, and keeps nothing but reports.

    A job that today's policy does not allow is left out, and one that cannot be told to write its snapshots: then the
    probe shows nothing.
    """
    probe = change.probe
    if probe is None:
        raise NotFound(f"run {change.run_id()} is no probe")
    job = about.job(probe.job)
    spec = job.spec.having(needs=(), retries=0, artifacts=(), always=False, allow_failure=False, node=probe.node)
    spec = spec.having(caches=()) if probe.fresh else spec
    spec = spec.having(image=probe.image) if probe.image else spec
    told = _told(spec, job, probe)
    reason = Reason(rule=RULE, evidence=change.title)
    allowed = told is not None and not violations(told, policy, fork=False)
    jobs = (PlannedJob(spec=told, reasons=(reason,)),) if told is not None and allowed else ()
    return Plan(
        head=change.head, merge_base=None, changed=(), source=f"probe of {about.id}", jobs=jobs, policy=policy.digest
    ).sealed()


def _told(spec: JobSpec, job: Job, probe: Probe) -> JobSpec | None:
    """The job as it runs again: up to the step that failed where it is to write its snapshots, otherwise as a whole."""
    if probe.snapshots is None:
        return spec
    attempt = next((attempt for attempt in job.attempts if attempt.id == probe.attempt), None)
    result = attempt.result if attempt is not None else None
    return rewriting(spec, result.step if result is not None else None, probe.snapshots)
