"""`delta config`: what is said of a file, with which exit code, and without what it does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import application
from models.errors import CallerError

RIGHT = (
    "version: 1\njobs:\n  test: {run: [a, b], matrix: {py: [3.11]}, allow_failure: true}\n  z: {run: c, needs: test}\n"
)


def check(path: Path) -> tuple[int, str]:
    result = CliRunner().invoke(application("config"), ["config", "check", str(path)])
    if isinstance(result.exception, CallerError):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("named", ["", ".delta.yml"])
def test_a_file_that_is_right_is_shown_as_jobs(tmp_path: Path, named: str) -> None:
    (tmp_path / ".delta.yml").write_text(RIGHT)
    code, text = check(tmp_path / named)
    assert code == 0
    assert f"{tmp_path / '.delta.yml'}: right, 2 jobs" in text
    assert "test-3-11  2 steps on runner-python · py=3.11 · may fail" in text
    assert "z          1 step on runner-python · needs test-3-11" in text


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "other.yml"
    file.write_text("version: 1\njobs:\n  a:\n    run: x\n" + "".join(f"    k{n}: 1\n" for n in range(40)))
    code, text = check(file)
    assert code == 1
    assert [line.split(": ")[0] for line in text.splitlines()] == [f"{file}:{line}:5" for line in range(5, 45)]


def test_a_file_that_is_not_there_is_the_callers_fault(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"there is no .*\.delta\.yml"):
        check(tmp_path)


def test_the_schema_is_printed() -> None:
    result = CliRunner().invoke(application("config"), ["config", "schema"])
    assert result.exit_code == 0
    assert '"$schema"' in result.output


def test_neither_ray_nor_redis_nor_docker_is_imported() -> None:
    script = "import sys, api.cli.config; print({'ray', 'redis', 'docker', 'torch', 'fastapi'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
