"""Verdicts on failing tests, and what attempts tell of tests: only what is known, and only from the default branch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.analyzer.suites import MOST_TESTS, counts, failed, histories, history, passed, percent, tells
from actors.analyzer.verdicts import Witnesses, settled, verdicts
from models.change import Change, ChangeKind, Forge, Trust
from models.failure import Category, Explanation, FailingTest, Finding, TestBlame, TestVerdict
from models.flaky import DAY_S, MAX_NAMED, MAX_RUNS, Quarantined, SuiteAttempt, TestOutcome
from models.ids import AttemptId, CommitId, JobId
from models.plan import ChangedFile, SelectedTest, TestSelection, WouldSkip
from models.result import Outcome
from models.run import Run
from tests.unit.reporter import sample_runs as runs
from tests.unit.reporter.sample_runs import NOW

TEST = "tests/test_a.py::test_pay"
JOB = JobId("test")
CHANGED = ChangedFile(path="src/a.py", status="M")


def finding(*names: str, source: str = "junit") -> Finding:
    return Finding(
        category=Category.TEST,
        confidence=0.95,
        excerpt=(),
        excerpt_text="",
        summary="a test failed",
        signature="s",
        failing_tests=tuple(FailingTest(name=name, source=source) for name in names),
    )


def suite(text: str, test: str = TEST, failures: int = 1, run: str = "rbase") -> list[SuiteAttempt]:
    """One commit a word, one attempt a letter: `p` passes, `f`: the test fails, `?`: nothing is known of it."""
    made: list[SuiteAttempt] = []
    for commit, word in enumerate(text.split()):
        for number, letter in enumerate(word, 1):
            told = SuiteAttempt(
                id=AttemptId(f"{run}{commit}.test.{number}"),
                commit=f"{commit:040x}",
                number=number,
                at=NOW - 10_000 + len(made),
                failures=0,
                whole=letter == "p",
            )
            made.append(told.having(failures=failures, failed=(test,)) if letter == "f" else told)
    return made


def failed_run(changed: tuple[ChangedFile, ...] = (CHANGED,), would_skip: tuple[WouldSkip, ...] = ()) -> Run:
    run = runs.failed()
    assert run.plan is not None
    return run.having(plan=run.plan.having(changed=changed, would_skip=would_skip))


def verdict(
    base: str, here: str = "f", run: Run | None = None, aside: tuple[Quarantined, ...] = (), now: float = NOW
) -> TestVerdict:
    run = run or failed_run()
    known = Witnesses(base=suite(base), here=suite(here, run=run.id), quarantine=aside)
    (given,) = verdicts(run, run.job(JOB), finding(TEST), known, now)
    return given


FLAKES = "p p fp p p p fp p p p p fp p"


@pytest.mark.parametrize(
    ("base", "here", "blame"),
    [
        ("p p p", "f", TestBlame.CAUSED_HERE),
        ("p " * 80 + "ff f f p p", "f", TestBlame.CAUSED_HERE),  # it was broken before, and repaired
        ("p p f", "f", TestBlame.FAILS_ON_BASE),
        ("p p ff", "f", TestBlame.FAILS_ON_BASE),
        ("f ?", "f", TestBlame.FAILS_ON_BASE),
        (FLAKES, "f", TestBlame.KNOWN_FLAKY),
        (FLAKES + " fp ff", "f", TestBlame.KNOWN_FLAKY),  # also where it happened to fail on the base
        ("p p p", "fp", TestBlame.KNOWN_FLAKY),
        ("", "pf", TestBlame.KNOWN_FLAKY),
        ("p " * 20 + FLAKES, "fffff", TestBlame.NEW_AND_UNCLEAR),  # flaky, and perhaps broken as well
        ("", "f", TestBlame.NEW_AND_UNCLEAR),
        ("? ?", "f", TestBlame.NEW_AND_UNCLEAR),
        ("p p p p f p p", "f", TestBlame.NEW_AND_UNCLEAR),  # one short failure: as likely a flake as a breakage
    ],
)
def test_whose_fault_it_is(base: str, here: str, blame: TestBlame) -> None:
    assert verdict(base, here).blame is blame


def test_the_evidence_is_in_words() -> None:
    assert verdict(FLAKES).evidence == (
        "failed in 3 of 16 runs, 95 % interval 4-41 %, passed again at the same commit 3 times"
    )
    assert verdict("p p").evidence == "passes on the default branch at 000000000000, fails here"
    assert verdict("p p p", "fp").evidence == "failed and passed at this same commit"
    assert verdict("").evidence == "nothing is known of it on the default branch"
    assert verdict("p " * 20 + FLAKES, "fffff").evidence.endswith("but at each of 5 attempts here")


def test_a_retry_that_passes_beside_many_failures_proves_nothing() -> None:
    run = runs.failed()
    here = [each.having(failures=500) if each.failed else each for each in suite("fp", run=run.id)]
    (given,) = verdicts(run, run.job(JOB), finding(TEST), Witnesses(base=[], here=here), NOW)
    assert given.blame is TestBlame.NEW_AND_UNCLEAR
    assert "failed and passed at this same commit" in given.evidence


def test_a_base_that_is_not_watched_says_nothing() -> None:
    run = runs.failed()
    run = run.having(change=run.change.having(base_ref="release", default_branch="main"))
    given = verdict("p p p", run=run)
    assert given.blame is TestBlame.NEW_AND_UNCLEAR
    assert "only the branch main is watched" in given.evidence


@pytest.mark.parametrize(
    ("changed", "would_skip", "blame"),
    [
        ((CHANGED,), (), TestBlame.CAUSED_HERE),
        ((), (), TestBlame.NEW_AND_UNCLEAR),
        ((CHANGED,), (WouldSkip(job=JOB, selected=("tests/test_b.py",), total=9),), TestBlame.NEW_AND_UNCLEAR),
        ((CHANGED,), (WouldSkip(job=JOB, selected=("tests/test_a.py",), total=9),), TestBlame.CAUSED_HERE),
        ((CHANGED,), (WouldSkip(job=JOB, selected=("tests",), total=9),), TestBlame.CAUSED_HERE),
        ((CHANGED,), (WouldSkip(job=JOB, selected=("test",), total=9),), TestBlame.NEW_AND_UNCLEAR),
        ((CHANGED,), (WouldSkip(job=JOB),), TestBlame.NEW_AND_UNCLEAR),
        ((CHANGED,), (WouldSkip(job=JobId("lint")),), TestBlame.CAUSED_HERE),
    ],
)
def test_a_failure_that_has_nothing_to_do_with_the_diff_is_unclear(
    changed: tuple[ChangedFile, ...], would_skip: tuple[WouldSkip, ...], blame: TestBlame
) -> None:
    run = failed_run(changed, would_skip)
    assert verdict("p p p", run=run).blame is blame
    assert verdict("p p f", run=run).blame is TestBlame.FAILS_ON_BASE


def test_of_a_test_whose_file_its_name_does_not_tell_nothing_is_said() -> None:
    run = failed_run(would_skip=(WouldSkip(job=JOB, selected=("tests/test_b.py",), total=9),))
    known = Witnesses(base=suite("p p"), here=suite("f", "com.acme.CartTest.adds", run=run.id))
    (given,) = verdicts(run, run.job(JOB), finding("com.acme.CartTest.adds"), known, NOW)
    assert given.blame is TestBlame.CAUSED_HERE


def entry(job: str = "", since: float = NOW - DAY_S, until: float = NOW + DAY_S, test: str = TEST) -> Quarantined:
    return Quarantined(
        repository="octocat/hello-world", test=test, job=job, reason="issue 7", by="ada", since=since, until=until
    )


@pytest.mark.parametrize(
    ("aside", "set_aside", "said"),
    [
        (entry(), True, "in quarantine until 2023-11-15: issue 7"),
        (entry(job="test"), True, "in quarantine until 2023-11-15: issue 7"),
        (entry(until=NOW), False, "its quarantine ended on 2023-11-14, so it counts again"),
        (entry(since=NOW + 1), False, ""),
        (entry(job="other"), False, ""),
        (entry(test=f"{TEST}[1]"), False, ""),
    ],
)
def test_quarantine_is_what_it_was_when_the_test_failed(aside: Quarantined, set_aside: bool, said: str) -> None:
    given = verdict("p", aside=(aside,))
    assert (given.set_aside, given.quarantine) == (set_aside, said)


def test_a_job_of_a_matrix_is_called_by_the_name_in_the_file_too() -> None:
    run = runs.failed()
    job = run.job(JOB)
    run = run.with_job(job.having(spec=job.spec.having(matrix_of=JobId("tests"))))
    assert verdict("p", run=run, aside=(entry(job="tests"),)).set_aside


def explained(*blames: TestBlame, exact: bool = True, category: Category = Category.TEST) -> Explanation:
    names = [f"t{n}" for n in range(len(blames))]
    given = tuple(
        TestVerdict(test=name, blame=blame, evidence="", score=0.9 - n / 10)
        for n, (name, blame) in enumerate(zip(names, blames, strict=True))
    )
    return Explanation(finding=finding(*names).having(category=category), verdicts=given, exact=exact)


def test_only_known_flakes_alone_make_the_failure_flaky() -> None:
    flaky, other = TestBlame.KNOWN_FLAKY, TestBlame.CAUSED_HERE
    found = settled(explained(flaky, flaky)).finding
    assert (found.category, found.confidence) == (Category.FLAKY, 0.8)
    for left in (
        explained(flaky, other),
        explained(flaky, exact=False),
        explained(),
        explained(flaky, category=Category.BUILD),
    ):
        assert settled(left) == left


def change(**changes: object) -> Change:
    pushed = Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository="octocat/hello-world",
        clone_url="https://github.com/octocat/hello-world.git",
        head=CommitId("a" * 40),
        head_ref="main",
        default_branch="main",
    )
    return pushed.having(**changes)


def test_only_what_was_pushed_to_the_default_branch_counts() -> None:
    assert counts(change())
    assert not counts(change(trust=Trust.FORK))
    assert not counts(change(head_ref="topic"))
    assert not counts(change(default_branch=""))
    for kind in (ChangeKind.PULL_REQUEST, ChangeKind.MANUAL, ChangeKind.AUDIT):
        assert not counts(change(kind=kind))


def test_an_attempt_that_was_stopped_tells_nothing() -> None:
    assert tells(runs.failed().jobs[0].attempt)
    assert tells(runs.ended(runs.running(), runs.PASSED).jobs[0].attempt)
    assert not tells(runs.ended(runs.running(), runs.TIMED_OUT).jobs[0].attempt)
    assert not tells(runs.started(runs.running()).jobs[0].attempt)


def test_a_passing_job_tells_of_all_tests_only_where_it_ran_them_all() -> None:
    run = runs.ended(runs.running(), runs.PASSED)
    assert run.plan is not None
    (planned,) = run.plan.jobs
    chosen = TestSelection(selected=(SelectedTest(path="tests/test_a.py", reasons=()),), skipped=(), total=1)
    for tests, whole in ((None, True), (chosen, True), (chosen.having(total=2), False)):
        run = run.having(plan=run.plan.having(jobs=(planned.having(tests=tests),)))
        told = passed(run, JOB, run.jobs[0].attempt)
        assert told.outcome(TEST) is (TestOutcome.PASS if whole else None)
    assert passed(run.having(plan=None), JOB, run.jobs[0].attempt).outcome(TEST) is None


def test_what_a_failing_attempt_tells_is_bounded_and_only_what_is_named() -> None:
    run = runs.failed()
    told = failed(run, run.jobs[0].attempt, finding(*(f"t{n}" for n in range(500)), "x" * 5000), ["t1", "ok"])
    assert (told.failures, len(told.failed), told.passed) == (501, MAX_NAMED, ("ok",))
    assert told.outcome("t1") is TestOutcome.FAIL
    assert told.outcome("ok") is TestOutcome.PASS
    assert told.outcome("t400") is None
    assert max(map(len, told.failed)) <= 300


@given(st.lists(st.text("pf?", min_size=1, max_size=3), max_size=90))
def test_a_history_loses_no_attempt_that_it_has_room_for(words: list[str]) -> None:
    text = " ".join(words)
    made = history(TEST, suite(text))
    assert len(made) <= MAX_RUNS
    if len(made) < MAX_RUNS:
        assert len(made) + sum(run.passes_before for run in made) == text.count("p") + text.count("f")
    assert sum(run.outcome is TestOutcome.FAIL for run in made) == min(text.count("f"), MAX_RUNS) or len(made) == 60


def test_histories_are_of_tests_that_failed_and_bounded() -> None:
    attempts = suite("p f p f p")
    (made,) = histories("a/b", JOB, attempts)
    assert (made.test, made.failed_first, made.failed_last) == (TEST, attempts[1].at, attempts[3].at)
    assert histories("a/b", JOB, attempts, {"other"}) == []
    many = [each.having(failed=tuple(f"{each.at}-{n}" for n in range(100))) for each in suite("f " * 12)]
    assert len(histories("a/b", JOB, many)) == MOST_TESTS


def test_rates_for_people() -> None:
    assert percent((0.0021, 0.031)) == "0.2-3 %"
    assert percent((0.06, 0.29)) == "6-29 %"


def test_outcomes_of_results_are_what_is_believed() -> None:
    assert {Outcome.PASSED, Outcome.FAILED} == {
        outcome
        for outcome in Outcome
        if tells(
            runs.failed().jobs[0].attempt.having(result=runs.FAILED.having(outcome=outcome)),
        )
    }
