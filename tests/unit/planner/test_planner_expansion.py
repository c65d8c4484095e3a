"""A matrix in a `.delta.yml`: the jobs that come of it, and what is said about one that is wrong."""

from __future__ import annotations

import pytest

from actors.planner.caches import cache_specs
from actors.planner.config import parse
from actors.planner.schema import JobConfig
from models.errors import ChangeError

WHOLE = """\
version: 1
jobs:
  build:
    run: make
  test:
    matrix:
      python: [3.10, "3.11"]
      db: sqlite
      include: [{python: 3.10, db: sqlite, flag: yes}]
    image: runner-python${{ matrix.python }}
    needs: build
    env: {FLAG: "${{ matrix.flag }}", MATRIX_DB: mine}
    steps:
      - run: pytest "$MATRIX_PYTHON"
        name: with ${{ matrix.db }}
    timeout: 5m
  deploy:
    run: ./deploy
    needs: [test, build, test]
"""


def test_each_combination_is_a_job_with_its_values_in_it() -> None:
    config = parse(WHOLE)
    assert list(config.jobs) == ["build", "test-3-10-sqlite-yes", "test-3-11-sqlite", "deploy"]
    first, second = (config.jobs[job].spec(job) for job in ("test-3-10-sqlite-yes", "test-3-11-sqlite"))
    assert (first.image, second.image) == ("runner-python3.10", "runner-python3.11")
    assert first.env == {"MATRIX_PYTHON": "3.10", "MATRIX_DB": "mine", "MATRIX_FLAG": "yes", "FLAG": "yes"}
    assert second.env == {"MATRIX_PYTHON": "3.11", "MATRIX_DB": "mine", "FLAG": ""}
    assert first.step(0).name == "with sqlite"
    assert (first.matrix_of, first.needs, first.timeout_s) == ("test", ("build",), 300)
    assert config.jobs["build"].spec("build").matrix_of is None


def test_what_needs_a_job_with_a_matrix_needs_all_of_its_combinations() -> None:
    assert parse(WHOLE).jobs["deploy"].spec("deploy").needs == ("test-3-10-sqlite-yes", "test-3-11-sqlite", "build")


def test_one_combination_can_be_needed_by_its_own_name() -> None:
    config = parse(WHOLE.replace("needs: [test, build, test]", "needs: test-3-11-sqlite"))
    assert config.jobs["deploy"].needs == ("test-3-11-sqlite",)


def test_a_name_that_is_there_is_not_made_again() -> None:
    config = parse("version: 1\njobs:\n  t: {run: x, matrix: {a: [b, B]}}\n  t-b: {run: y}\n")
    made = [job for job in config.jobs if job != "t-b"]
    assert len(set(made)) == 2
    assert config.jobs["t-b"].run == ("y",)


def job(*lines: str) -> str:
    return "\n".join(["version: 1", "jobs:", "  test:", "    run: pytest", *(f"    {line}" for line in lines), ""])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (job("matrix: {a: []}"), '.delta.yml:5:14: "a" in job "test" (matrix)'),
        (job("matrix: []"), '.delta.yml:5:5: "matrix" in job "test": there must be `key: value` lines below it'),
        (job("matrix: {include: {a: 1}}"), '"include" in job "test" (matrix): there must be a list'),
        (
            job("matrix: {a: [1], exclude: [{b: 1}]}"),
            '.delta.yml:5:5: "matrix" in job "test": `exclude` names the axis',
        ),
        (job("matrix: {os: [1]}", "image: x${{ matrix.so }}"), '.delta.yml:6:5: the matrix of job "test" has no "so"'),
        (
            job("image: x${{ matrix.os }}"),
            '.delta.yml:5:5: `${{ matrix.os }}` stands in job "test", which has no matrix',
        ),
        (job("matrix: {os: [A B]}", "image: ${{ matrix.os }}"), '.delta.yml:6:5: "image" in job "test": not an image'),
        (job("matrix: {a: [1, 2]}", "tineout: 5"), '.delta.yml:6:5: job "test" has no key "tineout"; did you mean'),
        (job("matrix: {a: [1, 2]}", "needs: [nope]"), '.delta.yml:6:13: job "test" needs "nope", no such job'),
        (job("matrix: {a: [1, 2]}", "needs: test"), "in a circle: test-1 -> test-1"),
        (
            "version: 1\njobs:\n  a: {run: x, matrix: {v: [1, 2]}, needs: b}\n  b: {run: x, needs: a}\n",
            ".delta.yml:3:36: the jobs need each other in a circle: a-1 -> b -> a-1",
        ),
        (job(f"matrix: {{a: {list(range(100))}, b: [1, 2]}}") + "  more: {run: x}\n", "at most 200 items"),
        (
            f"version: 1\njobs:\n  a:\n    run: {'x' * 20_000}\n    matrix: {{a: {list(range(60))}}}\n",
            ".delta.yml:5:5: the matrices make more text than Delta takes",
        ),
        ("version: 1\njobs: {Test: {run: x, matrix: {a: [1]}}}\n", '"Test" in "jobs": a job\'s name is'),
    ],
)
def test_an_error_says_where_in_the_file_and_is_told_once(text: str, says: str) -> None:
    with pytest.raises(ChangeError) as caught:
        parse(text)
    assert says in str(caught.value)
    lines = str(caught.value).splitlines()
    assert len(set(lines)) == len(lines) == 1


def test_what_one_combination_keeps_another_does_not_get() -> None:
    config = parse(job("matrix: {python: [3.10, 3.11]}", "cache: [{key: lock, paths: .venv}]"))
    keys = {cache_specs(one.cache, one.image, {"lock": "1"}, one.values)[0][0].key for one in config.jobs.values()}
    assert len(keys) == 2
    plain = JobConfig.model_validate({"run": "x"})
    assert plain.values == {}


@pytest.mark.parametrize(
    ("line", "files"), [("tests: true", ()), ("tests: {}", ()), ("tests: {files: spec/**}", ("spec/**",))]
)
def test_a_job_says_that_it_has_tests_to_choose_from(line: str, files: tuple[str, ...]) -> None:
    tests = parse(job(line)).jobs["test"].tests
    assert tests is not None
    assert tests.files == files


def test_and_one_that_does_not_has_none() -> None:
    assert parse(job()).jobs["test"].tests is None
    assert parse(job("tests: false")).jobs["test"].tests is None


def test_labels_are_in_the_shape_in_one_order() -> None:
    shape = parse(job("resources: {labels: [gpu, big, gpu]}")).jobs["test"].spec("test").resources.shape
    assert shape == "cpu1-mem2048+big+gpu"
    assert parse(job("resources: {labels: gpu}")).jobs["test"].resources.labels == ("gpu",)
    with pytest.raises(ChangeError, match="a label is 1 to 63"):
        parse(job("resources: {labels: [CPU]}"))


def test_a_job_whose_commands_are_left_empty_has_none() -> None:
    with pytest.raises(ChangeError, match='lacks the key "run"'):
        parse("version: 1\njobs:\n  a:\n    run:\n")
