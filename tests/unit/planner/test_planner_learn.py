"""What is remembered of a run, and which file a failing test's name means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.planner.learn import Files, failed_tests, late_failures, past_change, profile, worth_remembering
from models.change import ChangeKind, Trust
from models.failure import Category, Explanation, FailingTest, Finding
from models.history import MAX_PATHS, MAX_TESTS, LateFailure, PastChange, PastJob
from models.ids import JobId, RunId
from models.machines import JobState, RunState
from models.plan import ChangedFile, Plan, SelectedTest, TestSelection
from models.run import Job, Run
from tests.unit.core.samples import FAILED, HEAD, PASSED, finished, running, spec

TEST = JobId("test")
FILES = (
    "tests/test_units.py",
    "tests/deep/test_units.py",
    "tests/test_x.py",
    "src/pkg/tests/test_only.py",
    "src/kitchen/units.py",
    "web/app.test.ts",
)


def failing(*tests: FailingTest, category: Category = Category.TEST) -> Explanation:
    found = Finding(
        category=category,
        confidence=0.9,
        excerpt=(),
        excerpt_text="",
        summary="",
        signature="",
        failing_tests=tests,
    )
    return Explanation(finding=found)


def failed_run(*tests: FailingTest, category: Category = Category.TEST) -> Run:
    run = finished(running(spec("test"), spec("lint")), FAILED).run
    run = finished(run, PASSED, "lint").run
    return run.with_job(run.job(TEST).having(explanation=failing(*tests, category=category)))


def plan_of(run: Run) -> Plan:
    assert run.plan is not None
    return run.plan


@pytest.mark.parametrize(
    ("name", "file", "means"),
    [
        ("tests/test_units.py::test_oven", "", "tests/test_units.py"),
        ("tests/test_units.py::TestOven::test_hot[1-a::b]", "", "tests/test_units.py"),
        ("./tests/test_x.py::test_y", "", "tests/test_x.py"),
        ("tests\\test_x.py::test_y", "", "tests/test_x.py"),
        ("/workspace/tests/test_x.py::test_y", "", "tests/test_x.py"),
        ("tests/test_x.py", "", "tests/test_x.py"),
        ("tests.test_x.TestY.test_z", "", "tests/test_x.py"),
        ("tests.test_x.TestY::test_z", "", "tests/test_x.py"),
        ("test_x.TestY.test_z", "", "tests/test_x.py"),
        ("pkg.tests.test_only.test_z", "", "src/pkg/tests/test_only.py"),
        ("tests.test_units.test_oven", "", "tests/test_units.py"),
        ("tests.deep.test_units.test_oven", "", "tests/deep/test_units.py"),
        ("test_units.test_oven", "", None),
        ("test_units.test_oven", "tests/test_units.py", "tests/test_units.py"),
        ("Oven > is hot", "web/app.test.ts", "web/app.test.ts"),
        ("test_z (nobody.knows)", "src/kitchen/units.py", "src/kitchen/units.py"),
        ("tests/test_units.py::test_oven", "src/kitchen/units.py", "tests/test_units.py"),
        ("../../etc/passwd::x", "/etc/passwd", None),
        ("", "", None),
        ("gone/test_gone.py::test", "", None),
    ],
)
def test_a_name_means_a_file_of_the_tree_or_none(name: str, file: str, means: str | None) -> None:
    assert Files(FILES).of(FailingTest(name=name, file=file)) == means


@given(st.text(max_size=400), st.text(max_size=100))
def test_nothing_but_a_file_of_the_tree_is_ever_meant(name: str, file: str) -> None:
    assert Files(FILES).of(FailingTest(name=name, file=file)) in {None, *FILES}


def test_a_change_is_remembered_with_what_failed() -> None:
    run = failed_run(FailingTest(name="tests/test_x.py::a"), FailingTest(name="tests/test_x.py::b"))
    plan = plan_of(run).having(
        merge_base=HEAD,
        changed=(ChangedFile(path="src/new.py", old_path="src/old.py", status="R"), ChangedFile(path="a", status="M")),
    )
    past = past_change(run, plan, FILES, ["Oven"])
    assert past.paths == ("src/new.py", "src/old.py", "a")
    assert past.symbols == ("Oven",)
    assert past.failed
    assert past.jobs == (
        PastJob(id=TEST, state=JobState.FAILED, failed_tests=("tests/test_x.py",)),
        PastJob(id=JobId("lint"), state=JobState.PASSED),
    )
    assert not past.default_branch
    assert not past.fork


def test_how_much_of_a_job_ran_is_remembered() -> None:
    run = failed_run()
    tests = TestSelection(selected=(SelectedTest(path="tests/test_x.py", reasons=()),), skipped=(), total=3)
    plan = plan_of(run)
    plan = plan.having(jobs=(plan.jobs[0].having(tests=tests), plan.jobs[1]))
    narrow, lint = past_change(run, plan, FILES).jobs
    assert (narrow.selected, narrow.total, narrow.whole) == (1, 3, False)
    assert lint.whole


def test_a_huge_change_is_remembered_within_bounds() -> None:
    run = failed_run(*(FailingTest(name=f"tests/test_{n}.py::t") for n in range(1_000)))
    changed = tuple(ChangedFile(path=f"src/{n}.py", status="M") for n in range(10_000))
    past = past_change(run, plan_of(run).having(changed=changed), [f"tests/test_{n}.py" for n in range(1_000)])
    assert (len(past.paths), past.paths_total) == (MAX_PATHS, 10_000)
    assert len(past.jobs[0].failed_tests) == MAX_TESTS


@pytest.mark.parametrize("category", [Category.FLAKY, Category.INFRASTRUCTURE, Category.SECURITY_POLICY])
def test_a_failure_that_is_not_the_changes_is_held_against_no_change(category: Category) -> None:
    run = failed_run(FailingTest(name="tests/test_x.py::a"), category=category)
    past = past_change(run, plan_of(run), FILES)
    assert not past.failed
    assert past.jobs[0].state is JobState.ERRORED
    assert failed_tests(run.job(TEST), Files(FILES)) == ()


def test_a_run_in_which_nothing_came_to_a_verdict_is_not_worth_remembering() -> None:
    assert worth_remembering(failed_run())
    assert not worth_remembering(running(spec("test")))
    assert not worth_remembering(running(spec("test")).having(plan=None))


def test_what_works_in_a_repository_is_learned_from_its_own_people_alone() -> None:
    passed = finished(running(spec("test")), PASSED).run
    assert passed.state is RunState.PASSED
    works = profile(passed, FILES)
    assert works is not None
    assert [(step.job, step.image, step.run) for step in works.recipe] == [("test", "runner-python", ("true",))]
    assert works.features[".py"] > works.features[".ts"]
    assert profile(failed_run(), FILES) is None
    assert profile(passed.having(change=passed.change.having(trust=Trust.FORK)), FILES) is None
    assert profile(passed.having(change=passed.change.having(kind=ChangeKind.AUDIT)), FILES) is None


def test_late_failures_are_tests_or_whole_jobs_latest_first() -> None:
    def change(run: str, *jobs: PastJob) -> PastChange:
        return PastChange(run=RunId(run), repository="r", at=1.0, head=HEAD, jobs=jobs)

    broken = PastJob(id=TEST, state=JobState.FAILED, failed_tests=("a", "b"))
    lint = PastJob(id=JobId("lint"), state=JobState.FAILED)
    found = late_failures([change("r2", lint, PastJob(id=TEST, state=JobState.PASSED)), change("r1", broken)])
    assert found == (
        LateFailure(test="", job=JobId("lint"), run=RunId("r2"), at=1.0),
        LateFailure(test="a", job=TEST, run=RunId("r1"), at=1.0),
        LateFailure(test="b", job=TEST, run=RunId("r1"), at=1.0),
    )


def test_a_job_that_was_never_explained_has_no_tests() -> None:
    run = finished(running(spec("test")), FAILED).run
    job: Job = run.job(TEST)
    assert failed_tests(job, Files(FILES)) == ()
