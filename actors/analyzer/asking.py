"""What is to be run to find out more about a failure: the probes of a four-way check, and the trial of a proposal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from actors.analyzer.fourway import Nodes, asked, may_be_probed
from actors.analyzer.proposals.files import Files
from actors.analyzer.proposals.find import proposed
from actors.analyzer.proposals.rewritten import rewritten
from models.change import Change
from models.errors import DeltaError
from models.failure import Explanation
from models.ids import AttemptId, BlobId, JobId
from models.machines import JobState
from models.proposal import Proposal
from models.result import Artifact, Cause, Outcome
from models.run import Run
from models.snapshots import Snapshots

log = logging.getLogger(__name__)


class Asking:
    """`nodes` says which nodes live; without it no four-way check is asked for. `trees` gives the files of a change's
    head, where they are here; without it nothing is proposed.
    """

    def __init__(
        self, nodes: Callable[[], Nodes] | None = None, trees: Callable[[Change], Files | None] | None = None
    ) -> None:
        self._nodes = nodes
        self._trees = trees

    async def add(
        self,
        explanation: Explanation,
        run: Run,
        job: JobId,
        attempt: AttemptId,
        lines: Sequence[str],
    ) -> Explanation:
        """The explanation with what it asks for. `lines` are those of the attempt's log."""
        if not may_be_probed(run, job, attempt):
            return explanation
        try:
            nodes = await asyncio.to_thread(self._nodes) if self._nodes is not None else None
            check = asked(run, job, attempt, nodes) if nodes is not None else None
            proposal = await asyncio.to_thread(self._proposal, run, job, lines)
            return explanation.having(four_way=check, proposal=proposal)
        except DeltaError as error:  # which keeps no explanation back
            log.warning("nothing is run to explain %s: %s", attempt, error)
            return explanation

    def _proposal(self, run: Run, job: JobId, lines: Sequence[str]) -> Proposal | None:
        result = run.job(job).attempt.result
        refused = result is not None and result.cause is Cause.REFUSED
        failed = result is not None and result.outcome in {Outcome.FAILED, Outcome.TIMED_OUT}
        files = self._trees(run.change) if self._trees is not None and (refused or failed) else None
        if files is None:
            return None
        step = result.step if result is not None else None
        return proposed(lines, run.job(job).spec, files, refused=refused, step=step)

    async def rewritten(self, probe: Run, read: Callable[[BlobId, int], bytes]) -> str:
        """The patch to the snapshots that a probe has written anew; empty where there is none that may be tried.

        `read` gives at most so many bytes of a blob.
        """
        asked_for, job = probe.change.probe, probe.jobs[0] if probe.jobs else None
        wanted = asked_for.snapshots if asked_for is not None else None
        passed = job is not None and job.state is JobState.PASSED
        if wanted is None or job is None or not passed or self._trees is None:
            return ""
        result = job.attempt.result
        artifacts = result.artifacts if result is not None else ()
        try:
            return await asyncio.to_thread(self._rewritten, probe.change, wanted, artifacts, read)
        except DeltaError as refusal:
            log.info("nothing is proposed from what %s has written: %s", probe.id, refusal)
            return ""

    def _rewritten(
        self, change: Change, wanted: Snapshots, artifacts: Sequence[Artifact], read: Callable[[BlobId, int], bytes]
    ) -> str:
        files = self._trees(change) if self._trees is not None else None
        return rewritten(wanted, artifacts, read, files) if files is not None else ""
