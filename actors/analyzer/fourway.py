"""The four-way check of a failed job: whether to run it, where each probe can, and its answer in one line. Pure.

The four probes are queued at once, in idle capacity, and nobody waits for them; the verdict is a table in
`models/probe.py`. A job that may change something outside its sandbox is not run again: one that is given secrets,
or that names a concurrency group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.change import Forge, Trust
from models.ids import AttemptId, CommitId, JobId
from models.job import Footprint
from models.labels import asked_for
from models.probe import Corner, CornerProbe, FourWay, FourWayVerdict, Probed
from models.result import Outcome
from models.run import Run

# What each living node has of what Ray counts, by Ray's id of the node.
Nodes = Mapping[str, Mapping[str, float]]

_NO_NODE: Final = "it is not known on which node the job ran"
_GONE: Final = "the node is gone"
_ONE_NODE: Final = "no other node can run the job"
_NO_BASE: Final = "there is no earlier commit to compare with"

_SAID: Final[dict[FourWayVerdict, str]] = {
    FourWayVerdict.CAUSED: "caused by this change",
    FourWayVerdict.PRE_EXISTING: "not caused by this change, the base fails in the same way",
    FourWayVerdict.FLAKY: "flaky, the same commit passed on the same node",
    FourWayVerdict.INFRASTRUCTURE: "infrastructure, the node of the failure fails the base too and another one passes",
    FourWayVerdict.UNCLEAR: "unclear",
}
_OUTCOMES: Final[dict[Probed, str]] = {
    Probed.PASSED: "passed",
    Probed.FAILED: "failed again",
    Probed.OTHERWISE: "failed in another way",
    Probed.NOT_RUN: "not run",
}
_CORNERS: Final[dict[Corner, str]] = {
    Corner.HEAD_SAME: "this commit, same node",
    Corner.HEAD_OTHER: "this commit, another node",
    Corner.BASE_SAME: "base, same node",
    Corner.BASE_OTHER: "base, another node",
}


def asked(run: Run, job_id: JobId, attempt_id: AttemptId, nodes: Nodes) -> FourWay | None:
    """The probes of a failure, all of them to be queued now; None where there is nothing to check or it must not be."""
    job = run.job(job_id)
    result = job.attempt.result if job.attempts else None
    failed = result is not None and result.outcome in {Outcome.FAILED, Outcome.TIMED_OUT}
    if not failed or not may_be_probed(run, job_id, attempt_id):
        return None
    lease = job.attempt.lease
    here = lease.node if lease and lease.node in nodes else ""
    there = _another(lease.node if lease else "", job.spec.footprint, nodes)
    base = run.plan.merge_base if run.plan else None
    base = None if base == run.change.head else base
    probes = tuple(
        _probe(
            corner,
            commit=run.change.head if corner.of_head else base,
            node=here if corner.same_node else there,
            no_node=(_GONE if lease and lease.node else _NO_NODE) if corner.same_node else _ONE_NODE,
        )
        for corner in Corner
    )
    return FourWay(probes=probes) if any(each.outcome is None for each in probes) else None


def may_be_probed(run: Run, job_id: JobId, attempt_id: AttemptId) -> bool:
    """Whether a failed job may be run again unasked. Once: what a person asked for again, he looks at himself."""
    job = run.job(job_id)
    ours = run.change.trust is Trust.TRUSTED and run.change.forge is not Forge.LOCAL and not run.change.aside
    harmless = not job.spec.secrets and job.spec.concurrency is None
    return ours and harmless and job.counted_from == 0 and bool(job.attempts) and job.attempt.id == attempt_id


def _another(than: str, footprint: Footprint, nodes: Nodes) -> str:
    """A node that could run the job and is not the one where it ran; empty: there is none, or that is not known."""
    wanted = {"gvisor": 1.0, "CPU": footprint.cpus, "memory": footprint.memory_mb << 20}
    wanted |= asked_for(footprint.labels)
    able = [node for node, has in nodes.items() if all(has.get(name, 0.0) >= least for name, least in wanted.items())]
    return min((node for node in able if node != than), default="") if than else ""


def _probe(corner: Corner, *, commit: CommitId | None, node: str, no_node: str) -> CornerProbe:
    why = _NO_BASE if commit is None else "" if node else no_node
    if why:
        return CornerProbe(corner=corner, outcome=Probed.NOT_RUN, why=why)
    return CornerProbe(corner=corner, commit=commit, node=node)


def line(check: FourWay | None) -> str:
    """The answer for a person, in one line of Delta's own words; empty while it is not there."""
    if check is None or check.verdict is None:
        return ""
    told = [f"{_CORNERS[each.corner]}: {_told(each)}" for each in check.probes]
    return f"Four-way check: **{_SAID[check.verdict]}** ({'; '.join(told)})."


def _told(probe: CornerProbe) -> str:
    outcome = _OUTCOMES[probe.outcome or Probed.NOT_RUN]
    return f"{outcome} ({probe.why})" if probe.why else outcome
