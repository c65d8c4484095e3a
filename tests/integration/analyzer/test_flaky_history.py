"""From pushes to the default branch to verdicts on a pull request and its checks: on Redis, with real reports."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from actors.analyzer.actor import Analyzer
from actors.flaky_tests import flaky_tests, set_aside, take_back
from actors.reporter.desired import desired
from cluster.blobs import LocalBlobs
from cluster.store.store import RedisStore
from models.change import Change, ChangeKind, Trust
from models.embedding.encoder import Encoder
from models.embedding.index import Vector
from models.failure import Category, Explanation, TestBlame
from models.flaky import DAY_S
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
from tests.unit.reporter.sample_runs import NOW, TOKEN

JOB = JobId("test")
PAY, SUM = "tests/test_a.py::test_pay", "tests/test_a.py::test_sum"
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

    async def run(self, change: Change, *attempts: str, at: float) -> Run:
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
            chunk = LogChunk(at=now, step=0, source=LogSource.JOB, text=LOG.format(name=failing))
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


@pytest.fixture
def installation(store: RedisStore, tmp_path: Path) -> Installation:
    return Installation(store, tmp_path / "blobs")


def pushed(number: int, **changes: object) -> Change:
    change = runs.pull_request(CommitId(f"{number:040x}"))
    change = change.having(kind=ChangeKind.PUSH, head_ref="main", default_branch="main", base_ref="", number=None)
    return change.having(**changes)


def asked(number: int) -> Change:
    return runs.pull_request(CommitId(f"{number:040x}"), number)


def explained(run: Run) -> Explanation:
    explanation = run.job(JOB).explanation
    assert explanation is not None
    return explanation


def conclusions(run: Run) -> list[str]:
    return [str(check.conclusion) for check in desired(run, "").checks]


async def test_a_flaky_test_is_told_from_a_broken_one(installation: Installation) -> None:
    for number in range(1, 25):
        attempts = ["test_pay", ""] if number % 8 == 0 else [""]
        await installation.run(pushed(number), *attempts, at=NOW + 100 * number)

    (known,) = await flaky_tests(installation.store, "octocat/hello-world")
    assert (known.test, known.failures, known.attempts) == (PAY, 3, 27)
    assert known.since == NOW + 800

    flake = explained(await installation.run(asked(100), "test_pay", at=NOW + 9_000))
    (verdict,) = flake.verdicts
    assert (verdict.test, verdict.blame) == (PAY, TestBlame.KNOWN_FLAKY)
    assert verdict.evidence.startswith("failed in 3 of 27 runs, 95 % interval ")
    assert flake.finding.category is Category.FLAKY

    broken = explained(await installation.run(asked(101), "test_sum", at=NOW + 9_100))
    assert [(each.test, each.blame) for each in broken.verdicts] == [(SUM, TestBlame.CAUSED_HERE)]
    assert broken.finding.category is Category.TEST

    await installation.run(pushed(30), "test_sum", at=NOW + 9_200)
    later = await installation.run(asked(102), "test_sum", at=NOW + 9_300)
    assert explained(later).verdicts[0].blame is TestBlame.FAILS_ON_BASE
    text = (desired(later, "").comment or "").replace("\u200b", "")  # it keeps forges from linking what we quote
    assert "**fails on base**: fails on the default branch at 000000000000" in text


async def test_what_a_fork_does_to_its_tests_is_nobodys_business(installation: Installation) -> None:
    for number in range(1, 10):
        fork = asked(number).having(trust=Trust.FORK, default_branch="main", head_ref="main")
        await installation.run(fork, "test_pay", "", at=NOW + 100 * number)
    assert await flaky_tests(installation.store) == []
    assert await installation.store.suites.known() == []


async def test_quarantine_excuses_what_it_names_until_it_ends(installation: Installation) -> None:
    store, of = installation.store, "octocat/hello-world"
    entry = await set_aside(store, of, PAY, job="", days=2, reason="issue 7", by="ada", now=NOW)
    during = await installation.run(asked(1), "test_pay", at=NOW + DAY_S)
    assert conclusions(during) == ["neutral", "neutral"]
    text = desired(during, "").comment or ""
    assert f"`{PAY}`" in text  # it ran, and is shown
    assert "in quarantine until 2023-11-16: issue 7" in text
    assert conclusions(await installation.run(asked(2), "test_sum", at=NOW + DAY_S)) == ["failure", "failure"]

    after = await installation.run(asked(3), "test_pay", at=entry.until + 1)
    assert conclusions(after) == ["failure", "failure"]
    assert "its quarantine ended on 2023-11-16, so it counts again" in (desired(after, "").comment or "")

    await take_back(store, of, PAY, "")
    assert conclusions(await installation.run(asked(4), "test_pay", at=NOW + DAY_S)) == ["failure", "failure"]
