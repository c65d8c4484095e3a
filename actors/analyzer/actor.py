"""The analyzer as an actor: gathers what a failed attempt left behind, explains it, and remembers it for the next one.

The model is loaded when the first failure is explained, not before: it is half of the control plane's memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from actors.analyzer.asking import Asking
from actors.analyzer.decide import analyze
from actors.analyzer.past import Past
from actors.analyzer.similar import fixed, text_of
from actors.analyzer.witness import Seen, Witness
from actors.planner.glob import compile_glob, match
from cluster.blobs import LocalBlobs
from cluster.store.store import Store
from models.change import Trust
from models.embedding.encoder import Encoder
from models.embedding.index import Vector
from models.errors import InfrastructureError
from models.failure import Explanation, Finding, RememberedFailure
from models.ids import AttemptId, JobId, RunId
from models.logs import LogSource
from models.result import AttemptResult
from models.run import Attempt, Job, Run

log = logging.getLogger(__name__)

_REPORT_LIMIT_BYTES = 10_000_000
_MOST_REPORTS = 20


class Analyzer:
    """Explains failures. Nothing is kept here that the store does not have."""

    def __init__(self, store: Store, blobs: LocalBlobs, encoder: Encoder, asking: Asking | None = None) -> None:
        self._store = store
        self._blobs = blobs
        self._encoder = encoder
        self._past = Past(store.failures)
        self._witness = Witness(store, self._look)
        self._asking = asking or Asking()

    async def start(self) -> None:
        """Nothing to load: what is remembered is read when it is asked for."""

    async def explain(self, run_id: RunId, job_id: JobId, attempt_id: AttemptId) -> Explanation:
        """The explanation of one attempt; asking again gives the same and remembers nothing twice."""
        run = await self._store.runs.load(run_id)
        job = run.job(job_id)
        attempt = next((attempt for attempt in job.attempts if attempt.id == attempt_id), job.attempt)
        lines = await self._lines(attempt.id)
        passed = [await self._lines(each) for each in await self._passed(run, job)]
        seen = await self._seen(job, attempt, lines, passed)
        if run.change.probe is not None:  # it says something about another failure, and is none that anybody had
            return Explanation(finding=seen.finding)
        explanation = await self._witness.explained(run, job, attempt, seen)
        explanation = await self._asking.add(explanation, run, job_id, attempt_id, lines)
        finding = explanation.finding
        try:
            vector: Vector = (await asyncio.to_thread(self._encoder.encode, [text_of(finding)]))[0]
        except InfrastructureError as error:  # without the model there is still an explanation, only no past
            log.warning("the failure of %s is not compared with earlier ones: %s", attempt_id, error)
            return explanation
        failure = _remembered(run, job_id, finding)
        past = await self._past.like(failure, vector)
        await self._past.remember(failure, vector)
        return explanation.having(past=past)

    async def note_fix(self, run_id: RunId, job_id: JobId) -> None:
        """The job passes in this run: its earlier failures on the same line of work are fixed by the run's commit."""
        run = await self._store.runs.load(run_id)
        change = run.change
        for failure in fixed(await self._store.failures.unfixed(change.repository, change.line, job_id), change.head):
            await self._store.failures.remember(failure)
        if change.trust is Trust.TRUSTED:  # else anybody could make a failure's lines look usual
            await self._store.failures.note_passed(change.repository, job_id, run.job(job_id).attempt.id)
        await self._witness.passed(run, run.job(job_id))

    async def rewritten(self, run_id: RunId) -> str:
        """The patch to the snapshots that a probe's job has written anew; empty where there is none."""
        return await self._asking.rewritten(await self._store.runs.load(run_id), self._blobs.read)

    async def encode(self, texts: Sequence[str]) -> Vector:
        """Embeddings, for whoever needs some: there is one copy of the model. Raises `InfrastructureError`."""
        return await asyncio.to_thread(self._encoder.encode, texts)

    async def _look(self, job: Job, attempt: Attempt) -> Seen:
        """At an earlier attempt: which tests failed there, no log that passed is needed for."""
        return await self._seen(job, attempt, await self._lines(attempt.id), ())

    async def _seen(self, job: Job, attempt: Attempt, lines: Sequence[str], passed: Sequence[Sequence[str]]) -> Seen:
        reports, complete = await asyncio.to_thread(self._reports, job.spec.junit, attempt.result)
        finding = await asyncio.to_thread(
            analyze, lines, result=attempt.result, junit=reports, spec=job.spec, passed=passed
        )
        return Seen(finding, reports, complete)

    async def _passed(self, run: Run, job: Job) -> list[AttemptId]:
        """Whose logs the failing one is compared with. What passed in this very run came later, or is another try."""
        known = await self._store.failures.passed(run.change.repository, job.id)
        return [each for each in known if not each.startswith(f"{run.id}.")]

    async def _lines(self, attempt: AttemptId) -> list[str]:
        """Of the log, what the job wrote."""
        chunks = await self._store.logs.whole(attempt)
        return "".join(chunk.text for chunk in chunks if chunk.source is LogSource.JOB).split("\n")

    def _reports(self, globs: tuple[str, ...], result: AttemptResult | None) -> tuple[list[bytes], bool]:
        """Their bytes, and whether these are all."""
        patterns = [compile_glob(glob) for glob in globs]
        found = [artifact for artifact in (result.artifacts if result else ()) if match(patterns, artifact.path)]
        left_out = len(found) > _MOST_REPORTS or bool(result and result.refused_artifacts)
        cut = any(report.size_bytes > _REPORT_LIMIT_BYTES for report in found)
        reports = [self._blobs.read(report.blob, _REPORT_LIMIT_BYTES) for report in found[:_MOST_REPORTS]]
        return reports, not left_out and not cut


def _remembered(run: Run, job: JobId, finding: Finding) -> RememberedFailure:
    return RememberedFailure(
        repository=run.change.repository,
        line=run.change.line,
        run=run.id,
        job=job,
        at=time.time(),
        head=run.change.head,
        number=run.change.number,
        title=run.change.title,
        category=finding.category,
        signature=finding.signature,
    )
