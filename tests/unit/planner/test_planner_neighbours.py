"""What earlier changes add to a plan, and the order that tests run in."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from actors.planner.neighbours import MIN_SIMILARITY, MOST_ADDED, advise, order
from models.history import LateFailure, Neighbour, PastChange, PastJob
from models.ids import CommitId, JobId, RunId
from models.machines import JobState
from models.plan import Reason, SelectedTest

TEST, LINT = JobId("test"), JobId("lint")
ALL = {TEST: {"tests/test_a.py", "tests/test_b.py", "tests/test_c.py"}, LINT: set[str]()}


def past(run: str, *failed: str, job: JobId = TEST, state: JobState = JobState.FAILED) -> PastChange:
    return PastChange(
        run=RunId(run),
        repository="ada/kitchen",
        at=1.0,
        head=CommitId("1" * 40),
        jobs=(PastJob(id=job, state=state, failed_tests=failed),),
    )


def near(run: str, similarity: float, *failed: str, job: JobId = TEST, state: JobState = JobState.FAILED) -> Neighbour:
    return Neighbour(change=past(run, *failed, job=job, state=state), similarity=similarity)


def selected(*paths: str) -> list[SelectedTest]:
    return [SelectedTest(path=path, reasons=(Reason(rule="imports", evidence="x"),)) for path in paths]


def paths(tests: Sequence[SelectedTest]) -> list[str]:
    return [test.path for test in tests]


def test_what_failed_for_a_near_change_is_added_with_who_it_was_and_how_near() -> None:
    advice = advise([near("r1", 0.83, "tests/test_b.py")], ALL)
    (reason,) = advice.tests[TEST]["tests/test_b.py"]
    assert reason.rule == "history"
    assert reason.score == 0.83
    assert reason.evidence == "`tests/test_b.py` failed in run r1 for a change like this one, similarity 0.83"
    assert (
        advice.jobs[TEST][0].evidence == "the job `test` failed in run r1 for a change like this one, similarity 0.83"
    )


def test_the_nearest_comes_first_among_the_reasons() -> None:
    advice = advise([near("r1", 0.75, "tests/test_b.py"), near("r2", 0.9, "tests/test_b.py")], ALL)
    assert [reason.score for reason in advice.tests[TEST]["tests/test_b.py"]] == [0.9, 0.75]


def test_what_is_not_near_or_not_failed_or_no_longer_there_adds_nothing() -> None:
    nothing = advise(
        [
            near("r1", MIN_SIMILARITY - 0.01, "tests/test_a.py"),
            near("r2", 0.99, "tests/test_a.py", state=JobState.PASSED),
            near("r3", 0.99, "tests/test_a.py", state=JobState.ERRORED),
            near("r4", 0.99, "tests/test_a.py", job=JobId("gone")),
        ],
        ALL,
    )
    assert nothing.tests == {}
    assert nothing.jobs == {}
    gone = advise([near("r5", 0.99, "tests/test_gone.py")], ALL)
    assert gone.tests == {}
    assert list(gone.jobs) == [TEST], "the job failed all the same"


def test_a_job_without_tests_to_choose_from_is_added_whole() -> None:
    advice = advise([near("r1", 0.8, job=LINT)], ALL)
    assert list(advice.jobs) == [LINT]
    assert advice.tests == {}


def test_no_more_tests_are_added_than_a_plan_can_bear() -> None:
    many = [f"tests/test_{number}.py" for number in range(3 * MOST_ADDED)]
    advice = advise([near("r1", 0.9, *many), near("r2", 0.8, *reversed(many))], {TEST: set(many)})
    assert list(advice.tests[TEST]) == many[:MOST_ADDED]


similarities = st.floats(-1, 1, allow_nan=False)
neighbours = st.lists(
    st.builds(
        near,
        st.sampled_from(["r1", "r2", "r3"]),
        similarities,
        st.sampled_from([*sorted(ALL[TEST]), "tests/test_gone.py", "`x`\n"]),
        job=st.sampled_from([TEST, LINT, JobId("gone")]),
        state=st.sampled_from(JobState),
    ),
    max_size=20,
)


@given(neighbours)
def test_only_what_there_is_is_added_whatever_the_neighbours_say(found: list[Neighbour]) -> None:
    advice = advise(found, ALL)
    assert set(advice.jobs) <= set(ALL)
    assert all(set(tests) <= set(ALL[job]) for job, tests in advice.tests.items())
    assert advise(sorted(found, key=lambda each: each.change.run), ALL).tests.keys() == advice.tests.keys()


def test_what_failed_lately_runs_first_then_what_failed_for_near_changes_then_what_is_near() -> None:
    tests = selected(
        "tests/far/test_z.py", "tests/test_near.py", "tests/test_units.py", "src/test_own.py", "a/test_l.py"
    )
    late = [LateFailure(test="a/test_l.py", job=TEST, run=RunId("r9"), at=9.0)]
    ordered = order(tests, ["src/units.py", "src/test_own.py"], [near("r1", 0.8, "tests/test_near.py")], late)
    assert paths(ordered) == [
        "a/test_l.py",
        "tests/test_near.py",
        "src/test_own.py",
        "tests/test_units.py",
        "tests/far/test_z.py",
    ]


def test_of_what_failed_lately_the_more_often_then_the_later_comes_first() -> None:
    late = [LateFailure(test=f"test_{name}.py", job=TEST, run=RunId("r"), at=9.0) for name in "abcb"]
    assert paths(order(selected("test_c.py", "test_a.py", "test_b.py"), [], late=late)) == [
        "test_b.py",
        "test_a.py",
        "test_c.py",
    ]


def test_nearer_folders_come_first_and_equals_by_their_path() -> None:
    tests = selected("b/c/test_x.py", "a/b/test_x.py", "a/test_z.py", "a/test_y.py")
    assert paths(order(tests, ["a/b/x1.py"])) == ["a/b/test_x.py", "a/test_y.py", "a/test_z.py", "b/c/test_x.py"]


names = st.lists(
    st.sampled_from([f"{folder}test_{name}.py" for folder in ("", "a/", "a/b/") for name in "abc"]), unique=True
)


@given(names, st.lists(st.sampled_from(["a.py", "a/b.py", "a/b/c.py"])), neighbours)
def test_the_order_loses_nothing_and_does_not_depend_on_what_came_first(
    tests: list[str], changed: list[str], found: list[Neighbour]
) -> None:
    ordered = order(selected(*tests), changed, found)
    assert sorted(paths(ordered)) == sorted(tests)
    assert order(selected(*reversed(tests)), changed, found) == ordered
