"""The demo's change must really break one test, and only that one; and its plan must have something to skip."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from actors.analyzer.junit import read_junit
from actors.planner.decide import PlanInputs, plan
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.plan import ChangedFile

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", EXAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def failing(repository: Path) -> list[str]:
    report = repository / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    run = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    return [test.name for test in read_junit(report.read_bytes())]


def test_the_change_breaks_the_test_it_names_and_the_fix_mends_it(demo: ModuleType, tmp_path: Path) -> None:
    repository = tmp_path / "kitchen"
    demo.start(repository)
    assert failing(repository) == []
    demo.break_it(repository)
    assert failing(repository) == [demo.BROKEN_TEST]
    demo.fix_it(repository)
    assert failing(repository) == []
    log = subprocess.run(
        ["git", "log", "--format=%s", demo.BRANCH], cwd=repository, capture_output=True, text=True, check=True
    )
    assert len(log.stdout.splitlines()) == 3


def test_the_fix_is_judged_by_the_test_that_failed(demo: ModuleType, tmp_path: Path) -> None:
    """A branch that differs from `main` by a comment alone needs no test, and would show nothing."""
    repository = tmp_path / "kitchen"
    demo.start(repository)
    demo.break_it(repository)
    demo.fix_it(repository)
    delta = [Path(sys.executable).parent / "delta", "plan", repository, "--base", "main", "--head", demo.BRANCH, "--json"]
    here = {**os.environ, "DELTA_STATE_DIR": str(tmp_path / "state")}
    planned = json.loads(subprocess.run(delta, capture_output=True, text=True, check=True, env=here).stdout)
    (tests,) = (job["tests"]["selected"] for job in planned["jobs"] if job["id"] == "test")
    assert demo.BROKEN_TEST.partition("::")[0] in tests


def test_a_replacement_that_does_not_match_is_an_error(demo: ModuleType, tmp_path: Path) -> None:
    shutil.copytree(demo.EXAMPLE, tmp_path / "kitchen")
    with pytest.raises(ValueError, match="exactly once"):
        demo.replace(tmp_path / "kitchen", "no such text", "")


@pytest.mark.parametrize(
    ("changed", "runs", "skipped"),
    [
        ("src/kitchen/units.py", ["syntax", "test"], ["docs"]),
        ("docs/amounts.md", ["docs"], ["syntax", "test"]),
        ("pyproject.toml", ["syntax", "test", "docs"], []),
    ],
)
def test_its_plan_runs_and_skips(changed: str, runs: list[str], skipped: list[str]) -> None:
    kitchen = EXAMPLES / "kitchen"
    made = plan(
        PlanInputs(
            change=Change(
                forge=Forge.LOCAL,
                kind=ChangeKind.MANUAL,
                trust=Trust.TRUSTED,
                repository="kitchen",
                clone_url="/kitchen",
                head=CommitId("a" * 40),
            ),
            merge_base=CommitId("b" * 40),
            changed=(ChangedFile(path=changed, status="M"),),
            files=tuple(str(path.relative_to(kitchen)) for path in sorted(kitchen.rglob("*")) if path.is_file()),
            config_text=(kitchen / ".delta.yml").read_text(encoding="utf-8"),
        )
    )
    assert [job.spec.id for job in made.jobs] == runs
    assert [job.id for job in made.skipped] == skipped


def test_its_documentation_holds_together() -> None:
    subprocess.run([sys.executable, "tools/check_docs.py"], cwd=EXAMPLES / "kitchen", check=True, capture_output=True)
