"""What runs show of the plans: caught, missed, widened for, fixed; and the interval around the share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.planner.health import (
    NOTHING,
    dismissed,
    fixed,
    health,
    observe_sample,
    observe_whole,
    passed_before,
    recall,
    widen,
)
from models.history import Audit, Found, Miss, PastChange, PastJob
from models.ids import CommitId, JobId, RunId
from models.machines import JobState
from models.plan import ChangedFile, Plan, PlannedJob, Reason, Sample, SelectedTest, TestSelection, WouldSkip
from tests.unit.core.samples import plan, spec

TEST, DOCS = JobId("test"), JobId("docs")
A, B, C = "tests/test_a.py", "tests/test_b.py", "tests/test_c.py"


def past(*failed: str, state: JobState = JobState.FAILED, run: str = "r2", docs: JobState | None = None) -> PastChange:
    jobs = [PastJob(id=TEST, state=state, failed_tests=failed)]
    jobs += [PastJob(id=DOCS, state=docs)] if docs else []
    return PastChange(
        run=RunId(run),
        repository="ada/kitchen",
        at=2.0,
        head=CommitId("1" * 40),
        default_branch=True,
        jobs=tuple(jobs),
    )


CLEAN = past(state=JobState.PASSED, run="r1", docs=JobState.PASSED)


def narrowed(*selected: str, total: int = 3) -> Plan:
    return plan(spec("test"), spec("docs")).having(
        changed=(ChangedFile(path="src/a.py", status="M"),),
        would_skip=(WouldSkip(job=TEST, selected=selected, total=total), WouldSkip(job=DOCS)),
    )


def miss(test: str = A, run: str = "r1", job: JobId = TEST, at: float = 1.0) -> Miss:
    return Miss(
        repository="ada/kitchen",
        run=RunId(run),
        job=job,
        test=test,
        changed=("src/a.py", "src/b.py"),
        found=Found.DEFAULT_BRANCH,
        at=at,
    )


def test_a_failure_that_selection_had_chosen_is_caught_and_another_is_missed() -> None:
    audit, misses = observe_whole(past(A, B), narrowed(A), CLEAN)
    assert audit is not None
    assert (audit.whole, audit.caught, audit.missed) == (True, 1, 1)
    assert misses == (miss(B, "r2", at=2.0).having(changed=("src/a.py",)),)


def test_what_failed_before_says_nothing() -> None:
    assert observe_whole(past(A, B), narrowed(A), past(A, B, run="r1")) == NOTHING


def test_where_no_earlier_run_of_the_branch_is_known_nothing_is_concluded() -> None:
    assert observe_whole(past(A, B), narrowed(A), None) == NOTHING
    part = CLEAN.having(jobs=(PastJob(id=TEST, state=JobState.PASSED, selected=1, total=3),))
    assert observe_whole(past(A, B), narrowed(A), part) == NOTHING
    broken = CLEAN.having(jobs=(PastJob(id=TEST, state=JobState.ERRORED),))
    assert observe_whole(past(A, B), narrowed(A), broken) == NOTHING


def test_a_job_that_came_to_no_verdict_or_would_have_run_whole_says_nothing() -> None:
    assert observe_whole(past(B, state=JobState.CANCELLED), narrowed(A), CLEAN) == NOTHING
    assert observe_whole(past(B), plan(spec("test")), CLEAN) == NOTHING


def test_a_job_that_would_not_have_run_and_fails_is_missed_whole() -> None:
    _, misses = observe_whole(past(state=JobState.PASSED, docs=JobState.FAILED), narrowed(A), CLEAN)
    assert [(each.job, each.test) for each in misses] == [(DOCS, "")]
    unnamed = observe_whole(past(), narrowed(A), CLEAN)
    assert unnamed == NOTHING, "it would have run, and no test is named"


def test_a_file_that_is_no_test_of_the_job_is_not_missed_whatever_the_job_prints() -> None:
    tests = tuple(SelectedTest(path=test, reasons=()) for test in (A, B))
    whole = TestSelection(selected=tests, skipped=(), total=2)
    made = narrowed(A).having(jobs=(PlannedJob(spec=spec("test"), reasons=(), tests=whole),))
    audit, misses = observe_whole(past(A, B, "src/a.py"), made, CLEAN)
    assert [each.test for each in misses] == [B]
    assert audit is not None
    assert (audit.caught, audit.missed) == (1, 1)


def test_a_job_without_tests_to_choose_from_is_missed_as_a_whole_whatever_it_names() -> None:
    failed = past(state=JobState.PASSED).having(jobs=(PastJob(id=DOCS, state=JobState.FAILED, failed_tests=(A,)),))
    _, misses = observe_whole(failed, narrowed(A), CLEAN)
    assert [(each.job, each.test) for each in misses] == [(DOCS, "")]


def test_of_a_sample_only_what_was_drawn_and_passed_before_counts() -> None:
    sampled = narrowed().having(would_skip=(), samples=(Sample(spec=spec("test"), tests=(B, C)),))
    audited = (PastJob(id=TEST, state=JobState.FAILED, failed_tests=(A, B)),)
    audit, misses = observe_sample(past(), sampled, audited, 9.0, CLEAN)
    assert audit is not None
    assert (audit.whole, audit.sampled, audit.missed, audit.run) == (False, 2, 1, "r2")
    assert [(each.test, each.found, each.at) for each in misses] == [(B, Found.SAMPLE, 9.0)]
    assert observe_sample(past(), sampled, audited, 9.0, None) == NOTHING
    lost = (PastJob(id=TEST, state=JobState.ERRORED),)
    assert observe_sample(past(), sampled, lost, 9.0, CLEAN) == NOTHING


def test_a_miss_widens_changes_of_the_same_folders_and_says_why() -> None:
    there = {TEST: {A, B}, DOCS: set[str]()}
    advice = widen([miss(), miss("", job=DOCS)], ["src/other.py"], there)
    assert list(advice.tests[TEST]) == [A]
    assert set(advice.jobs) == {TEST, DOCS}
    (reason,) = advice.tests[TEST][A]
    assert reason.rule == "missed before"
    assert reason.evidence == (
        "`tests/test_a.py` failed unseen after a change of `src/a.py`, `src/b.py`, in run r1 (default branch)"
    )


@pytest.mark.parametrize(
    ("misses", "changed"),
    [
        ([miss()], ["docs/a.md"]),
        ([miss()], ["src/deeper/a.py"]),
        ([miss("tests/test_gone.py")], ["src/a.py"]),
        ([miss(job=JobId("gone"))], ["src/a.py"]),
        ([dismissed(miss(), "ada", 5.0)], ["src/a.py"]),
        ([miss().having(closed_at=5.0, fixed_by=RunId("r9"))], ["src/a.py"]),
    ],
)
def test_nothing_is_added(misses: list[Miss], changed: list[str]) -> None:
    advice = widen(misses, changed, {TEST: {A}})
    assert advice.tests == {}
    assert advice.jobs == {}


def selecting(test: str, rule: str, evidence: str) -> Plan:
    found = SelectedTest(path=test, reasons=(Reason(rule=rule, evidence=evidence),))
    selection = TestSelection(selected=(found,), skipped=(B,), total=2)
    job = PlannedJob(spec=spec("test"), reasons=(), tests=selection)
    return plan().having(jobs=(job,))


def test_a_miss_is_fixed_when_selection_itself_finds_the_test_from_the_missed_path() -> None:
    seen = selecting(A, "imports", "`src/b.py` (`f`) changed → `tests/test_a.py:1` imports it")
    assert fixed([miss(), miss(B)], seen, RunId("r9"), 7.0) == (miss().having(closed_at=7.0, fixed_by=RunId("r9")),)


def test_a_job_that_was_missed_whole_is_fixed_when_its_paths_name_what_changed() -> None:
    why = (Reason(rule="paths", evidence="`src/a.py` matches `src/**`"),)
    seen = plan().having(jobs=(PlannedJob(spec=spec("docs"), reasons=why),))
    whole = miss("", job=DOCS)
    assert [each.test for each in fixed([whole, miss(A)], seen, RunId("r9"), 7.0)] == [""]
    other = plan().having(jobs=(PlannedJob(spec=spec("docs"), reasons=(why[0].having(rule="missed before"),)),))
    assert fixed([whole], other, RunId("r9"), 7.0) == ()


@pytest.mark.parametrize(
    ("test", "rule", "evidence"),
    [
        (A, "missed before", "`src/b.py` changed"),
        (A, "history", "`src/b.py` changed"),
        (A, "imports", "`src/c.py` changed → `src/b.py:1` imports it"),
        (A, "imports", "`src/b.pyi` changed"),
        (B, "imports", "`src/b.py` changed"),
    ],
)
def test_it_is_not_fixed_by_what_is_not_that_edge(test: str, rule: str, evidence: str) -> None:
    assert fixed([miss()], selecting(test, rule, evidence), RunId("r9"), 7.0) == ()


def test_a_closed_miss_stays_as_it_is() -> None:
    closed = dismissed(miss(), "ada", 5.0)
    assert dismissed(closed, "eve", 6.0) == closed
    assert fixed([closed], selecting(A, "imports", "`src/b.py` changed"), RunId("r9"), 7.0) == ()


def test_health_counts_whole_runs_and_samples_apart_and_leaves_out_what_was_dismissed() -> None:
    whole = Audit(run=RunId("r1"), repository="ada/kitchen", at=1.0, whole=True, caught=9, missed=2)
    part = whole.having(run=RunId("r2"), whole=False, caught=0, sampled=40, missed=1)
    other = whole.having(run=RunId("r3"), repository="eve/x", caught=100, missed=0)
    known = [miss(A, "r1"), dismissed(miss(B, "r1"), "ada", 5.0), miss(C, "r2").having(found=Found.SAMPLE)]
    mine = health([whole, part, other], known, "ada/kitchen")
    assert (mine.recall.caught, mine.recall.missed, mine.recall.share) == (9, 1, 0.9)
    assert (mine.sampled, mine.sampled_failed) == (40, 1)
    assert [each.test for each in mine.open] == [A, C]
    assert [each.test for each in mine.closed] == [B]
    everyone = health([whole, part, other], known)
    assert everyone.recall.caught == 109


@pytest.mark.parametrize(
    ("caught", "missed", "low", "high"),
    # The first three as in Newcombe 1998, table I, method 3, with 1 - p for those that count failures.
    [(81, 182, 0.2553, 0.3662), (20, 0, 0.8389, 1.0), (28, 1, 0.8282, 0.9939), (0, 0, 0.0, 1.0), (0, 5, 0.0, 0.4345)],
)
def test_the_interval_is_wilsons(caught: int, missed: int, low: float, high: float) -> None:
    found = recall(caught, missed)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_interval_holds_the_share(caught: int, missed: int) -> None:
    found = recall(caught, missed)
    assert 0 <= found.low <= found.high <= 1
    assert found.share is None or found.low <= found.share <= found.high


tests = st.sampled_from([A, B, C])


@given(st.sets(tests), st.sets(tests), st.sets(tests))
def test_each_new_failure_is_caught_or_missed_and_never_both(
    failed: set[str], before: set[str], chosen: set[str]
) -> None:
    broken = past(*sorted(before), state=JobState.FAILED if before else JobState.PASSED, run="r1")
    audit, misses = observe_whole(past(*sorted(failed)), narrowed(*sorted(chosen)), broken)
    new = failed - before
    assert {each.test for each in misses} == new - chosen
    assert (audit.caught if audit else 0) == len(new & chosen)
    assert all(passed_before(TEST, each.test, broken) for each in misses)
