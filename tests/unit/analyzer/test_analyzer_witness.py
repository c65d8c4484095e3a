"""What is gathered of a job's tests: from a run's own attempts, from the base's, and what is told to the store."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from actors.analyzer.witness import Seen, Witness
from cluster.store.store import Store
from models.change import Change, ChangeKind, Trust
from models.failure import Category, Explanation, FailingTest, Finding, TestBlame
from models.flaky import DAY_S, Quarantined, TestOutcome
from models.ids import CommitId, JobId, RunnerId
from models.lifecycle.attempts import finish, lease, start
from models.lifecycle.create import planned
from models.lifecycle.decision import Decision
from models.plan import ChangedFile
from models.result import AttemptResult, Cause
from models.run import Attempt, Job, Run
from tests.unit.reporter import sample_runs as runs
from tests.unit.reporter.sample_runs import FAILED, NOW, PASSED, TOKEN

TEST = "tests/test_a.py::test_pay"
JOB = JobId("test")
BROKEN = b'<testsuite><testcase classname="tests.test_a" name="test_pay" file="tests/test_a.py">'
BROKEN += b'<failure message="no"/></testcase></testsuite>'
FINE = b'<testsuite><testcase classname="tests.test_a" name="test_pay"/><testcase name="other"><error/></testcase>'
FINE += b"</testsuite>"


def finding(*names: str, source: str = "junit", category: Category = Category.TEST) -> Finding:
    tests = tuple(FailingTest(name=name, source=source) for name in names)
    return runs.finding(*tests).having(category=category)


SEEN = Seen(finding(TEST), [BROKEN], complete=True)


def pushed(number: int = 1, **changes: object) -> Change:
    change = runs.pull_request(CommitId(f"{number:040x}"))
    change = change.having(kind=ChangeKind.PUSH, head_ref="main", default_branch="main", number=None, base_ref="")
    return change.having(**changes)


def tried(change: Change, *results: AttemptResult, at: float = NOW) -> Run:
    """A run with one attempt for each result; all but the last were tried again."""
    plan = runs.plan(runs.spec("test").having(retries=len(results) - 1))
    plan = plan.having(changed=(ChangedFile(path="src/a.py", status="M"),))
    run = made(planned(runs.created(change, at), plan, at))
    for n, result in enumerate(results):
        attempt, now = run.job(JOB).attempt.id, at + 10 * n
        run = made(lease(run, JOB, attempt, token=TOKEN, runner=RunnerId("runner-1"), session="s", now=now))
        run = made(start(run, JOB, attempt, token=TOKEN, now=now))
        run = made(finish(run, JOB, attempt, token=TOKEN, result=result, now=now))
    return run


def made(decision: Decision | None) -> Run:
    assert decision is not None
    return decision.run


class Laboratory:
    """A witness on a store in memory; each attempt's remains are said beforehand, by its number."""

    def __init__(self) -> None:
        self.store = Store.in_memory()
        self.seen: Mapping[int, Seen] = {}
        self.looked: list[int] = []
        self.witness = Witness(self.store, self._look)

    async def _look(self, job: Job, attempt: Attempt) -> Seen:
        assert job.id == JOB
        self.looked.append(attempt.number)
        return self.seen.get(attempt.number, SEEN)

    async def explained(self, run: Run, seen: Seen = SEEN, number: int = 0) -> Explanation:
        job = run.job(JOB)
        return await self.witness.explained(run, job, job.attempts[number - 1], seen)

    async def base(self, text: str) -> None:
        """Pushes to the default branch, each a letter: `p` passes, `f` fails, `r` passes when it is tried again."""
        for n, letter in enumerate(text):
            results = {"p": [PASSED], "f": [FAILED], "r": [FAILED, PASSED]}[letter]
            run = tried(pushed(n), *results, at=NOW - 100_000 + 100 * n)
            if letter == "f":
                await self.explained(run)
            else:
                await self.witness.passed(run, run.job(JOB))

    async def told(self) -> list[TestOutcome | None]:
        attempts = await self.store.suites.attempts("octocat/hello-world", JOB)
        return [attempt.outcome(TEST) for attempt in attempts]


async def test_a_push_to_the_default_branch_tells_what_its_tests_did() -> None:
    lab = Laboratory()
    await lab.base("pfr")
    fail, done = TestOutcome.FAIL, TestOutcome.PASS
    assert await lab.told() == [done, fail, fail, done]
    await lab.base("pfr")  # all of it told a second time
    assert await lab.told() == [done, fail, fail, done]


async def test_a_job_that_passes_at_once_is_not_looked_at() -> None:
    lab = Laboratory()
    await lab.base("ppp")
    assert lab.looked == []


@pytest.mark.parametrize(
    "change",
    [
        pushed(trust=Trust.FORK),
        pushed(head_ref="topic"),
        pushed(kind=ChangeKind.MANUAL),
        runs.pull_request(),
        runs.pull_request().having(trust=Trust.FORK, head_ref="main", default_branch="main"),
    ],
    ids=["fork", "branch", "manual", "pull-request", "fork-of-main"],
)
async def test_nobody_else_tells_anything(change: Change) -> None:
    lab = Laboratory()
    failing, passing = tried(change, FAILED, FAILED), tried(change, FAILED, PASSED)
    given = await lab.explained(failing)
    await lab.witness.passed(passing, passing.job(JOB))
    assert len(given.verdicts) == 1
    assert await lab.store.suites.known() == []


async def test_what_is_known_of_the_base_decides() -> None:
    for base, blame in (
        ("pppp", TestBlame.CAUSED_HERE),
        ("ppppf", TestBlame.FAILS_ON_BASE),
        ("pprpppprppr", TestBlame.KNOWN_FLAKY),
        ("", TestBlame.NEW_AND_UNCLEAR),
    ):
        lab = Laboratory()
        await lab.base(base)
        given = await lab.explained(tried(runs.pull_request(), FAILED))
        assert [each.blame for each in given.verdicts] == [blame], base
        flaky = blame is TestBlame.KNOWN_FLAKY
        assert given.finding.category is (Category.FLAKY if flaky else Category.TEST)


async def test_a_test_that_a_report_says_passed_in_another_attempt_of_the_run_is_flaky() -> None:
    lab = Laboratory()
    lab.seen = {1: Seen(finding("other"), [FINE], complete=True)}
    given = await lab.explained(tried(runs.pull_request(), FAILED, FAILED))
    assert given.verdicts[0].blame is TestBlame.KNOWN_FLAKY
    lab.seen = {1: Seen(finding("other", source="log"), [], complete=True)}  # a log does not say what passed
    given = await lab.explained(tried(runs.pull_request(), FAILED, FAILED))
    assert given.verdicts[0].blame is TestBlame.NEW_AND_UNCLEAR


async def test_asking_again_later_gives_the_same() -> None:
    lab = Laboratory()
    await lab.base("pppp")
    run = tried(runs.pull_request(), FAILED, at=NOW - 50_000)
    first = await lab.explained(run)
    for n in range(5):
        later = tried(pushed(90 + n), FAILED, PASSED, at=NOW + 100 * n)
        await lab.witness.passed(later, later.job(JOB))
    assert await lab.explained(run) == first


async def test_an_attempt_that_was_stopped_has_no_verdicts() -> None:
    lab = Laboratory()
    given = await lab.explained(tried(pushed(), FAILED.having(cause=Cause.OUT_OF_MEMORY)))
    assert given == Explanation(finding=SEEN.finding)
    assert await lab.store.suites.known() == []


@pytest.mark.parametrize(
    ("seen", "exact"),
    [
        (SEEN, True),
        (SEEN._replace(complete=False), False),
        (SEEN._replace(reports=[BROKEN, BROKEN[:-3]]), False),
        (SEEN._replace(finding=finding(TEST, source="log")), False),
        (SEEN._replace(finding=finding(TEST, category=Category.BUILD)), False),
        (SEEN._replace(finding=finding(*(f"t{n}" for n in range(1000)))), False),
    ],
    ids=["exact", "a report is missing", "one is cut", "log", "build", "too many"],
)
async def test_only_whole_reports_excuse_a_job(seen: Seen, exact: bool) -> None:
    lab = Laboratory()
    for test in {test.name for test in seen.finding.failing_tests}:
        await lab.store.quarantine.put(
            Quarantined(
                repository="octocat/hello-world", test=test, reason="r", by="ada", since=NOW - DAY_S, until=NOW + DAY_S
            )
        )
    given = await lab.explained(tried(runs.pull_request(), FAILED), seen)
    assert all(each.set_aside for each in given.verdicts)
    assert (given.exact, given.only_set_aside) == (exact, exact)


async def test_another_repositorys_quarantine_excuses_nothing() -> None:
    lab = Laboratory()
    entry = Quarantined(repository="fork/hello-world", test=TEST, reason="r", by="eve", since=0.0, until=NOW + DAY_S)
    await lab.store.quarantine.put(entry)
    assert not (await lab.explained(tried(runs.pull_request(), FAILED))).only_set_aside
