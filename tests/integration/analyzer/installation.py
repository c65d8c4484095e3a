"""What runs do to an installation's analyzer: on Redis, with real reports and logs, without Ray and sandboxes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from actors.analyzer.actor import Analyzer
from cluster.blobs import LocalBlobs
from cluster.store.store import RedisStore
from models.change import Change, ChangeKind
from models.embedding.encoder import Encoder
from models.embedding.index import Vector
from models.ids import CommitId, JobId, RunnerId
from models.lifecycle.attempts import finish, lease, start
from models.lifecycle.create import create, planned
from models.lifecycle.decision import Decision
from models.logs import LogChunk, LogSource
from models.machines import JobState
from models.plan import ChangedFile
from models.result import Artifact, AttemptResult
from models.run import Run
from tests.unit.reporter import sample_runs as runs
from tests.unit.reporter.sample_runs import TOKEN

JOB = JobId("test")
LOG = "FAILED tests/test_a.py::{name} - AssertionError: assert 1 == 2\n1 failed, 1 passed in 0.10s\n"


class FixedEncoder(Encoder):
    """Without a model: the same texts have the same vectors."""

    def encode(self, texts: Sequence[str]) -> Vector:
        vectors = [np.frombuffer(hashlib.sha256(text.encode()).digest() * 12, dtype=np.uint8) for text in texts]
        return np.array([vector / np.linalg.norm(vector) for vector in vectors], dtype=np.float32)


class Installation:
    """What runs do to an installation: each `run` is carried out with these tests failing in each of its attempts."""

    def __init__(self, store: RedisStore, folder: Path) -> None:
        self.store = store
        self._blobs = LocalBlobs(folder)
        self._analyzer = Analyzer(store, self._blobs, FixedEncoder())

    async def run(self, change: Change, *attempts: str, at: float, log: str = LOG) -> Run:
        """`attempts` name what fails in each, empty: nothing. The analyzer is told as a supervisor tells it."""
        job = runs.spec("test").having(retries=len(attempts) - 1, junit=("report.xml",))
        run = await self._commit(create(change, at))
        plan = runs.plan(job).having(changed=(ChangedFile(path="src/a.py", status="M"),))
        run = await self._commit(planned(run, plan, at))
        for n, failing in enumerate(attempts):
            attempt, now = run.job(JOB).attempt.id, at + n
            run = await self._commit(
                lease(run, JOB, attempt, token=TOKEN, runner=RunnerId("runner-1"), session="s", now=now)
            )
            run = await self._commit(start(run, JOB, attempt, token=TOKEN, now=now))
            chunk = LogChunk(at=now, step=0, source=LogSource.JOB, text=log.format(name=failing))
            await self.store.logs.append(attempt, [chunk])
            result = self._reported(runs.FAILED if failing else runs.PASSED, failing)
            run = await self._commit(finish(run, JOB, attempt, token=TOKEN, result=result, now=now))
        if run.job(JOB).state is JobState.PASSED:
            await self._analyzer.note_fix(run.id, JOB)
            return run
        explanation = await self._analyzer.explain(run.id, JOB, run.job(JOB).attempt.id)
        return run.with_job(run.job(JOB).having(explanation=explanation))

    async def _commit(self, decision: Decision | None) -> Run:
        assert decision is not None
        return await self.store.runs.commit(decision)

    def _reported(self, result: AttemptResult, failing: str) -> AttemptResult:
        cases = ""
        for name in ("test_pay", "test_sum"):
            failure = '<failure message="assert 1 == 2">tests/test_a.py:7: AssertionError</failure>'
            cases += f'<testcase classname="tests.test_a" name="{name}">{failure if name == failing else ""}</testcase>'
        report = f"<testsuite>{cases}</testsuite>".encode()
        blob, size = self._blobs.put(io.BytesIO(report), 10_000)
        return result.having(artifacts=(Artifact(path="report.xml", size_bytes=size, blob=blob),))


def pushed(number: int, **changes: object) -> Change:
    change = runs.pull_request(CommitId(f"{number:040x}"))
    change = change.having(kind=ChangeKind.PUSH, head_ref="main", default_branch="main", base_ref="", number=None)
    return change.having(**changes)


def asked(number: int) -> Change:
    return runs.pull_request(CommitId(f"{number:040x}"), number)
