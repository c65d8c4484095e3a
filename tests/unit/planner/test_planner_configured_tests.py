"""Jobs of a `.delta.yml` that have tests: whose tests they are, and whether their commands take a selection."""

import pytest

from actors.planner.candidates import candidates
from actors.planner.inputs import PlanInputs
from actors.planner.packages import PackageSources
from actors.planner.python.project import VERSION, PythonProject
from cluster.factbase import FactBase
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId

HEAD = CommitId("a" * 40)
CHANGE = Change(
    forge=Forge.LOCAL, kind=ChangeKind.MANUAL, trust=Trust.TRUSTED, repository="r", clone_url="/r", head=HEAD
)
GO = {"go.mod": b"module example.org/m\n", "a/a.go": b"package a\n", "b/b.go": b"package b\n"}


def inputs(config: str) -> PlanInputs:
    files = ("app.py", "tests/test_app.py", "checks/one_check.py", *GO)
    python = {path: "0" * 40 for path in files if path.endswith(".py")}
    return PlanInputs(
        change=CHANGE,
        merge_base=HEAD,
        changed=(),
        files=files,
        config_text=config,
        python=PythonProject(files=python, base=FactBase(None, VERSION)),
        packages=PackageSources({path: path for path in files}, (), lambda blobs: {blob: GO[blob] for blob in blobs}),
    )


@pytest.mark.parametrize(
    ("job", "tests"),
    [
        ("{run: 'pytest $DELTA_TESTS', tests: true}", ["tests/test_app.py"]),
        ("{run: 'pytest $DELTA_TESTS', tests: {files: [checks/**/*_check.py]}}", ["checks/one_check.py"]),
        ("{run: 'go vet ./... && go test ${DELTA_TESTS:-./...}', tests: true}", ["./a", "./b"]),
        ("{run: 'pytest $DELTA_TESTS'}", None),
    ],
)
def test_whose_tests_a_job_has(job: str, tests: list[str] | None) -> None:
    (found,) = candidates(inputs(f"version: 1\njobs: {{test: {job}}}\n")).jobs
    chosen = found.choose() if found.choose else None
    assert (None if chosen is None else list(chosen.tests)) == tests


def test_a_job_that_cannot_take_a_selection_is_told_of() -> None:
    told = candidates(inputs("version: 1\njobs: {test: {run: pytest, tests: true}}\n")).notes
    assert told == ("`test` has `tests`, but no command names `$DELTA_TESTS`: all of them run, or none",)
