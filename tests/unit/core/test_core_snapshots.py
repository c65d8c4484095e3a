"""How a job is told to write its snapshots anew: by words of Delta's own, and only where they reach the tool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.job import JobSpec, SecretUse, Step
from models.snapshots import Snapshots, SnapshotTool, is_snapshot, rewriting
from tests.unit.core.samples import spec

PATHS = ("web/src/__snapshots__/a.test.js.snap",)


def told(command: str, tool: SnapshotTool = SnapshotTool.JEST) -> JobSpec | None:
    return rewriting(spec("test").having(run=(command,)), 0, Snapshots(tool=tool, paths=PATHS))


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("jest", "-u"),
        ("npx jest --ci --coverage src/a", "-u"),
        ("./node_modules/.bin/jest", "-u"),
        ("CI=1 jest", "-u"),
        ("npm ci && cd web && npx jest\n", "-u"),
        ("set -x\nnpm ci; npx jest", "-u"),
        ("npm test", "-- -u"),
        ("npm run test:unit", "-- -u"),
        ("npm test -w web", "-- -u"),
        ("npm test -- --ci", "-u"),
        ("yarn test --ci", "-u"),
        ("yarn jest", "-u"),
        ("pnpm exec jest", "-u"),
        ("pnpm run test", "-u"),
    ],
)
def test_jest_is_told_at_the_end_of_its_own_command(command: str, option: str) -> None:
    made = told(command)
    assert made is not None
    assert made.run == (f"{command.rstrip()} {option}",)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "make test",
        "pytest",
        "jest -- src",
        "npx jest | tee log",
        "npx jest > log",
        "npx jest || true",
        "npx jest &",
        "npx jest # all",
        "(cd web && npx jest)",
        "if true; then npx jest; fi",
        "bash -c 'npm ci && npx jest'",
        'npx jest -t "a"',
        "npx jest $FLAGS",
        "npx \\\njest",
        "cat <<X\njest",
        "yarn --cwd web test",
        "xjest",
        "npm",
    ],
)
def test_a_command_that_may_mean_something_else_is_left_alone(command: str) -> None:
    assert told(command) is None


@given(st.text("ajest nprux-;&|\n'\"$\\#=<>", max_size=60))
def test_a_command_is_only_ever_followed_by_delta_s_own_word(command: str) -> None:
    made = told(command)
    if made is not None:
        assert made.run[0] in {f"{command.rstrip()} -u", f"{command.rstrip()} -- -u"}


@pytest.mark.parametrize(
    ("tool", "name", "value"),
    [
        (SnapshotTool.VITEST, "UPDATE_SNAPSHOT", "all"),
        (SnapshotTool.SYRUPY, "PYTEST_ADDOPTS", "-x --snapshot-update"),
        (SnapshotTool.INSTA, "INSTA_UPDATE", "always"),
    ],
)
def test_the_others_are_told_by_a_variable_of_the_failed_step_alone(tool: SnapshotTool, name: str, value: str) -> None:
    steps = (Step(name="get", env={"A": "b"}), Step(secrets=(SecretUse(name="s"),)), Step(name="push"))
    job = spec("test").having(
        run=("get", "tox", "push"),
        steps=steps,
        env={"PYTEST_ADDOPTS": "-x", "INSTA_UPDATE": "no", "UPDATE_SNAPSHOT": "none"},
        artifacts=("dist/*",),
        junit=("report.xml",),
    )
    made = rewriting(job, 1, Snapshots(tool=tool, paths=PATHS))
    assert made is not None
    assert made.run == ("get", "tox"), "what comes after the failure did not run, and does not now"
    assert made.steps == (steps[0], steps[1].having(env={name: value}))
    assert (made.artifacts, made.junit) == (PATHS, ())
    assert made.env == job.env
    bare = rewriting(job.having(steps=(), env={}), 2, Snapshots(tool=tool, paths=PATHS))
    assert bare is not None
    assert bare.steps == (Step(), Step(), Step(env={name: value.removeprefix("-x ")}))


@pytest.mark.parametrize("step", [None, -1, 3])
def test_it_must_be_known_which_step_failed(step: int | None) -> None:
    job = spec("test").having(run=("a", "b", "jest"))
    assert rewriting(job, step, Snapshots(tool=SnapshotTool.JEST, paths=PATHS)) is None


@pytest.mark.parametrize(
    ("tool", "path", "is_one"),
    [
        (SnapshotTool.JEST, "__snapshots__/a.test.js.snap", True),
        (SnapshotTool.VITEST, "a/b/__snapshots__/a.test.ts.snap", True),
        (SnapshotTool.JEST, "a/__snapshots__/a.js", False),
        (SnapshotTool.JEST, "a/__snapshots__/b/a.snap", False),
        (SnapshotTool.JEST, "a/x__snapshots__/a.snap", False),
        (SnapshotTool.SYRUPY, "tests/__snapshots__/test_a.ambr", True),
        (SnapshotTool.SYRUPY, "tests/__snapshots__/test_a/test_b.json", True),
        (SnapshotTool.SYRUPY, "tests/__snapshots__/conftest.py", False),
        (SnapshotTool.SYRUPY, "tests/__snapshots__/run.sh", False),
        (SnapshotTool.INSTA, "src/snapshots/a__b.snap", True),
        (SnapshotTool.INSTA, "src/snapshots/a__b.snap.new", False),
        (SnapshotTool.INSTA, "src/a.snap", False),
    ],
)
def test_which_files_are_a_tools_snapshots(tool: SnapshotTool, path: str, is_one: bool) -> None:
    assert is_snapshot(tool, path) is is_one
