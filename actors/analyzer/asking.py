"""What is to be run to find out more about a failure: the probes of a four-way check, and the trial of a proposal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from actors.analyzer.fourway import Nodes, asked, may_be_probed
from actors.analyzer.proposals.files import Files
from actors.analyzer.proposals.find import proposed
from models.change import Change
from models.errors import DeltaError
from models.failure import Explanation
from models.ids import AttemptId, JobId
from models.proposal import Proposal
from models.result import Cause, Outcome
from models.run import Run

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
        read: Callable[[AttemptId], Awaitable[Sequence[str]]],
    ) -> Explanation:
        """The explanation with what it asks for. `read` gives the lines of an attempt's log."""
        if not may_be_probed(run, job, attempt):
            return explanation
        try:
            nodes = await asyncio.to_thread(self._nodes) if self._nodes is not None else None
            check = asked(run, job, attempt, nodes) if nodes is not None else None
            lines = await read(attempt) if self._trees is not None else ()
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
        return proposed(lines, run.job(job).spec, files, refused=refused) if files is not None else None
