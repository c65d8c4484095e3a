"""What is remembered of a run that has ended. Pure: the run and the files of its tree in, records out.

Which tests failed is read from the explanations of its jobs. A runner writes a test's name in its own way, and the code
of the change can make it write anything: only a file of the tree is ever believed to be one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from actors.planner.profile import features
from models.change import Trust
from models.failure import Category, FailingTest
from models.history import (
    MAX_JOBS,
    MAX_PATH_CHARS,
    MAX_TESTS,
    LateFailure,
    PastChange,
    PastJob,
    Profile,
    RecipeStep,
    bounded,
)
from models.machines import JobState, RunState
from models.plan import Plan, TestSelection
from models.run import Job, Run

MOST_LATE: Final = 200
_MAX_RECIPE: Final = 10
_MAX_COMMAND_CHARS: Final = 500

# A failure of these kinds says nothing about what the change touched.
_NOT_THE_CHANGE: Final = frozenset({Category.FLAKY, Category.INFRASTRUCTURE, Category.SECURITY_POLICY})
_DOTTED: Final = re.compile(r"[\w.]+(?:\.|::)[\w.:\[\]-]+")
_WORKSPACE: Final = "/workspace/"


class Files:
    """The files of a tree, and which of them a test's name means."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files = frozenset(files)
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for file in self._files:
            if file.endswith(".py"):
                self._by_name[file.rpartition("/")[2]].append(file)

    def of(self, test: FailingTest) -> str | None:
        """The file that a failing test is in; None where its name and its file do not say it, or say two.

        A node id (`tests/test_a.py::test_b`) says most; then a dotted name (`tests.test_a.TestB.test_c`), which may
        begin below the root; the file beside the name last, for it may be where the test broke.
        """
        named = self._path(test.name.partition("::")[0]) if "::" in test.name else self._path(test.name)
        return named or self._module(test.name) or self._path(test.file)

    def _path(self, path: str) -> str | None:
        clean = path.replace("\\", "/").removeprefix(_WORKSPACE).removeprefix("./")
        return clean if clean in self._files else None

    def _module(self, name: str) -> str | None:
        if not _DOTTED.fullmatch(name) or len(name) > MAX_PATH_CHARS:
            return None
        parts = name.partition("::")[0].split(".")
        for count in range(len(parts), 0, -1):
            found = self._ending(f"{'/'.join(parts[:count])}.py")
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _ending(self, path: str) -> list[str]:
        """The file itself, or the files that it can be below some folder."""
        if path in self._files:
            return [path]
        same = self._by_name.get(path.rpartition("/")[2], [])
        return [file for file in same if file.endswith(f"/{path}")]


def failed_tests(job: Job, files: Files) -> tuple[str, ...]:
    """The test files in which something failed because of the change; none for a job that did not fail."""
    if not _broken_by_change(job) or job.explanation is None:
        return ()
    found = (files.of(test) for test in job.explanation.finding.failing_tests)
    return bounded((file for file in found if file is not None), MAX_TESTS)


def past_change(run: Run, plan: Plan, files: Collection[str], symbols: Sequence[str] = ()) -> PastChange:
    """What stays of the change. `files` are those of its tree."""
    change = run.change
    paths = [path for file in plan.changed for path in (file.path, file.old_path) if path is not None]
    return PastChange(
        run=run.id,
        repository=change.repository,
        at=run.finished_at or run.begun_at,
        head=change.head,
        base=plan.merge_base,
        default_branch=change.on_default_branch,
        fork=change.trust is Trust.FORK,
        paths=bounded(paths),
        paths_total=len(set(paths)),
        symbols=tuple(symbols),
        jobs=past_jobs(run, plan, files),
    )


def past_jobs(run: Run, plan: Plan, files: Collection[str]) -> tuple[PastJob, ...]:
    """What became of a run's jobs."""
    known = Files(files)
    planned = {job.spec.id: job.tests for job in plan.jobs}
    return tuple(_past_job(job, planned.get(job.id), known) for job in run.jobs[:MAX_JOBS])


def _past_job(job: Job, tests: TestSelection | None, files: Files) -> PastJob:
    state = job.state
    if state is JobState.FAILED and not _broken_by_change(job):
        state = JobState.ERRORED  # as far as later changes are concerned
    return PastJob(
        id=job.id,
        state=state,
        failed_tests=failed_tests(job, files),
        selected=len(tests.selected) if tests else 0,
        total=tests.total if tests else 0,
    )


def _broken_by_change(job: Job) -> bool:
    category = job.explanation.finding.category if job.explanation else None
    return job.state is JobState.FAILED and category not in _NOT_THE_CHANGE


def worth_remembering(run: Run) -> bool:
    """Whether a run says anything: it had a plan, and some job came to a verdict."""
    return run.plan is not None and any(job.state in {JobState.PASSED, JobState.FAILED} for job in run.jobs)


def profile(run: Run, files: Iterable[str]) -> Profile | None:
    """What works in this repository; None for a run that did not pass, or of somebody from outside."""
    if run.state is not RunState.PASSED or run.change.trust is Trust.FORK or run.change.aside:
        return None
    passed = [job.spec for job in run.jobs if job.state is JobState.PASSED][:_MAX_RECIPE]
    if not passed:
        return None
    recipe = tuple(
        RecipeStep(job=spec.id, image=spec.image, run=tuple(command[:_MAX_COMMAND_CHARS] for command in spec.run[:10]))
        for spec in passed
    )
    return Profile(repository=run.change.repository, at=run.finished_at or 0.0, features=features(files), recipe=recipe)


def late_failures(changes: Iterable[PastChange]) -> tuple[LateFailure, ...]:
    """The tests that failed in these changes, which come latest first; a job without any stands for itself."""
    found = [
        LateFailure(test=test, job=job.id, run=change.run, at=change.at)
        for change in changes
        for job in change.jobs
        if job.state is JobState.FAILED
        for test in (job.failed_tests or ("",))
    ]
    return tuple(found[:MOST_LATE])
