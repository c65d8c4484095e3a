"""The plan of a probe: one job of an earlier run once more, with what is different taken from the probe. Pure."""

from __future__ import annotations

from typing import Final

from models.change import Change
from models.errors import NotFound
from models.plan import Plan, PlannedJob, Reason
from models.policy import Policy, violations
from models.run import Run

RULE: Final = "probe"


def probe_plan(change: Change, about: Run, policy: Policy) -> Plan:
    """`about` is the run that the probe looks at. The job needs nothing, is tried once, and keeps nothing but reports.

    A job that today's policy does not allow is left out: then the probe shows nothing.
    """
    probe = change.probe
    if probe is None:
        raise NotFound(f"run {change.run_id()} is no probe")
    spec = about.job(probe.job).spec.having(
        needs=(), retries=0, artifacts=(), always=False, allow_failure=False, node=probe.node
    )
    spec = spec.having(caches=()) if probe.fresh else spec
    spec = spec.having(image=probe.image) if probe.image else spec
    reason = Reason(rule=RULE, evidence=change.title)
    jobs = () if violations(spec, policy, fork=False) else (PlannedJob(spec=spec, reasons=(reason,)),)
    return Plan(
        head=change.head, merge_base=None, changed=(), source=f"probe of {about.id}", jobs=jobs, policy=policy.digest
    ).sealed()
