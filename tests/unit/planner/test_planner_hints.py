"""What the past and the branch do to a plan: it only ever grows, and says why."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.planner.decide import PlanInputs, plan
from actors.planner.python.project import VERSION, PythonProject, learn, sides
from cluster.factbase import FactBase
from models.change import Change, ChangeKind, Forge, Trust
from models.history import (
    Found,
    LateFailure,
    Miss,
    Neighbour,
    PastChange,
    PastJob,
    Profile,
    RecipeStep,
    Recollection,
    SimilarRepository,
)
from models.ids import CommitId, JobId, RunId
from models.machines import JobState
from models.plan import ChangedFile, Plan

BASE, HEAD = CommitId("b" * 40), CommitId("a" * 40)
TEST, DOCS = JobId("test"), JobId("docs")
A, B, C = "tests/test_a.py", "tests/test_b.py", "tests/test_c.py"
SOURCES = {
    "pytest.ini": "[pytest]\n",
    "app/__init__.py": "",
    "app/a.py": "def a():\n    return 1\n",
    "app/b.py": "def b():\n    return 1\n",
    A: "from app.a import a\n\n\ndef test_a():\n    assert a()\n",
    B: "from app.b import b\n\n\ndef test_b():\n    assert b()\n",
    C: "def test_c():\n    pass\n",
}
CONFIG = "version: 1\njobs:\n  lint: {run: lint}\n  docs: {run: docs, paths: docs/**}\n"


def _blob(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:40]


def _project(changed: str) -> PythonProject:
    files = {path: _blob(content) for path, content in SOURCES.items() if path.endswith(".py")}
    contents = {_blob(content): content.encode() for content in SOURCES.values()}
    base = FactBase(None, VERSION)
    learn(base, files, lambda blobs: {blob: contents[blob] for blob in blobs})
    new = SOURCES[changed].encode()
    return PythonProject(files=files, base=base, changed={changed: sides(new.replace(b"1", b"2"), new)})


PROJECT = _project("app/a.py")


def change(kind: ChangeKind = ChangeKind.PULL_REQUEST, head_ref: str = "feature") -> Change:
    return Change(
        forge=Forge.GITHUB,
        kind=kind,
        trust=Trust.TRUSTED,
        repository="ada/kitchen",
        clone_url="https://example.com/ada/kitchen",
        head=HEAD,
        base=BASE,
        head_ref=head_ref,
        default_branch="main",
    )


def inputs(history: Recollection = Recollection(), **more: object) -> PlanInputs:  # noqa: B008 - a frozen record
    plain = PlanInputs(
        change=change(),
        merge_base=BASE,
        changed=(ChangedFile(path="app/a.py", status="M"),),
        files=tuple(SOURCES),
        read={"pytest.ini": SOURCES["pytest.ini"].encode()},
        python=PROJECT,
        history=history,
    )
    return plain.having(**more)


def neighbour(*failed: str, job: JobId = TEST, similarity: float = 0.9, run: str = "r1") -> Neighbour:
    past = PastChange(
        run=RunId(run),
        repository="ada/kitchen",
        at=1.0,
        head=HEAD,
        jobs=(PastJob(id=job, state=JobState.FAILED, failed_tests=failed),),
    )
    return Neighbour(change=past, similarity=similarity)


def miss(test: str, *changed: str, job: JobId = TEST) -> Miss:
    return Miss(
        repository="ada/kitchen",
        run=RunId("r1"),
        job=job,
        test=test,
        changed=changed,
        found=Found.DEFAULT_BRANCH,
        at=1.0,
    )


def selected(made: Plan) -> list[str]:
    return [test.path for job in made.jobs if job.tests for test in job.tests.selected]


def running(made: Plan) -> list[str]:
    return [job.spec.id for job in made.jobs]


def test_without_a_past_selection_alone_decides() -> None:
    assert selected(plan(inputs())) == [A]


def test_what_failed_for_a_near_change_runs_and_is_told_to_the_job() -> None:
    (job,) = plan(inputs(Recollection(neighbours=(neighbour(C),)))).jobs
    assert job.tests is not None
    assert [test.path for test in job.tests.selected] == [C, A]
    assert job.tests.skipped == (B,)
    assert job.spec.env["DELTA_TESTS"] == f"{C} {A}"
    assert [reason.rule for reason in job.reasons][:2] == ["tests", "history"]
    assert job.reasons[0].evidence == "the change reaches 1 of 3 test files"


def test_what_selection_knows_already_needs_no_reason_more_for_the_job() -> None:
    (job,) = plan(inputs(Recollection(neighbours=(neighbour(A),)))).jobs
    assert job.tests is not None
    assert [reason.rule for reason in job.tests.selected[0].reasons] == ["imports", "history"]
    assert "history" not in [reason.rule for reason in job.reasons]


def test_a_miss_of_the_same_folder_runs() -> None:
    made = plan(inputs(Recollection(misses=(miss(C, "app/b.py"), miss(B, "other/b.py")))))
    assert selected(made) == [A, C]


def test_a_job_that_the_change_does_not_reach_runs_for_its_tests_that_failed() -> None:
    only = PythonProject(files=PROJECT.files, base=PROJECT.base)
    quiet = inputs(python=only)
    assert running(plan(quiet)) == []
    past = Recollection(neighbours=(neighbour(C),))
    assert selected(plan(quiet.having(history=past))) == [C]
    unnamed = plan(quiet.having(history=Recollection(neighbours=(neighbour(),))))
    assert unnamed.jobs[0].spec.env["DELTA_TESTS"] == "", "it failed, and nobody knows by what: all of it"


def test_a_job_whose_paths_do_not_match_runs_when_it_failed_for_a_near_change() -> None:
    made = plan(inputs(config_text=CONFIG))
    assert running(made) == ["lint"]
    made = plan(inputs(Recollection(neighbours=(neighbour(job=DOCS),)), config_text=CONFIG))
    assert running(made) == ["lint", "docs"]
    assert [reason.rule for reason in made.jobs[1].reasons] == ["history"]
    assert running(plan(inputs(Recollection(misses=(miss("", "app/b.py", job=DOCS),)), config_text=CONFIG))) == [
        "lint",
        "docs",
    ]


def test_the_default_branch_runs_whole_and_remembers_what_it_would_have_left_out() -> None:
    push = change(ChangeKind.PUSH, "main")
    (job,) = (made := plan(inputs(change=push, audit_share=1.0))).jobs
    assert job.reasons[0].rule == "default branch"
    assert job.spec.env["DELTA_TESTS"] == ""
    (would,) = made.would_skip
    assert (would.job, would.selected, would.total) == (TEST, (A,), 3)
    assert made.notes == ("on another branch less would have run: `test` with 1 of 3 tests",)
    assert made.samples == ()
    made = plan(inputs(change=push, config_text=CONFIG))
    assert running(made) == ["lint"], "what a person's `paths` leave out is meant"
    assert made.would_skip == ()


@pytest.mark.parametrize("made", [change(ChangeKind.PUSH, "feature"), change(ChangeKind.PULL_REQUEST, "main")])
def test_no_other_branch_does(made: Change) -> None:
    narrowed = plan(inputs(change=made))
    assert selected(narrowed) == [A]
    assert narrowed.would_skip == ()


def test_where_the_plan_was_unsure_the_default_branch_has_nothing_to_remember() -> None:
    made = plan(inputs(change=change(ChangeKind.PUSH, "main"), shallow=True))
    assert made.jobs[0].reasons[0].rule == "shallow history"
    assert made.would_skip == ()


def test_of_what_is_left_out_a_share_is_drawn() -> None:
    (sample,) = plan(inputs(audit_share=1.0)).samples
    assert (sample.spec.id, sample.tests) == (TEST, (B, C))
    assert "DELTA_TESTS" not in sample.spec.env
    assert plan(inputs(audit_share=0.0)).samples == ()


def test_what_could_not_be_asked_is_a_note_and_so_is_a_proposal_where_nothing_is_known() -> None:
    step = RecipeStep(job=TEST, image="runner-go", run=("go test ./...",))
    profile = Profile(repository="ada/tool", at=1.0, features={}, recipe=(step,))
    past = Recollection(similar=(SimilarRepository(profile=profile, similarity=0.93),), notes=("the model loads",))
    made = plan(inputs(past, files=("main.go",), read={}, python=None))
    assert made.jobs == ()
    assert made.notes[-2] == "the model loads"
    assert made.notes[-1].startswith("a proposal for `.delta.yml`, from `ada/tool`")
    assert plan(inputs(past)).notes == ("the model loads",), "no proposal where the tree says what to run"


tests = st.sampled_from([A, B, C, "tests/test_gone.py", ""])
jobs = st.sampled_from([TEST, DOCS, JobId("lint"), JobId("gone")])
neighbours = st.builds(
    lambda test, job, similarity: neighbour(*([test] if test else []), job=job, similarity=similarity),
    tests,
    jobs,
    st.floats(0, 1),
)
misses = st.builds(lambda test, job, path: miss(test, path, job=job), tests, jobs, st.sampled_from(["app/z.py", "x/y"]))
late = st.builds(LateFailure, test=tests, job=jobs, run=st.just(RunId("r")), at=st.just(1.0))
pasts = st.builds(
    lambda near, missed, failed: Recollection(neighbours=tuple(near), misses=tuple(missed), late=tuple(failed)),
    st.lists(neighbours, max_size=4),
    st.lists(misses, max_size=4),
    st.lists(late, max_size=4),
)


@settings(deadline=None)
@given(pasts, st.sampled_from([None, CONFIG]))
def test_the_past_only_adds_and_each_addition_has_its_reason(past: Recollection, config: str | None) -> None:
    bare, made = plan(inputs(config_text=config)), plan(inputs(past, config_text=config))
    assert set(running(bare)) <= set(running(made))
    assert set(selected(bare)) <= set(selected(made))
    assert plan(inputs(past, config_text=config)) == made
    for job in made.jobs:
        assert job.reasons
        for test in job.tests.selected if job.tests and job.tests.skipped else ():
            assert test.path in {A, B, C}
            assert test.path in selected(bare) or {why.rule for why in test.reasons} <= {"history", "missed before"}
            assert test.reasons
