"""`delta flaky --batch`: an answer a line in order, what is said of bad input, and what it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import application
from models.errors import CallerError

FAILED = {"commit": 1, "attempt": 1, "outcome": "fail", "suite_failures": 1, "passes_before": 12}
FLAKY = {
    "id": "flaky",
    "runs": [
        FAILED,
        {"commit": 1, "attempt": 2, "outcome": "pass", "suite_failures": 0},
    ],
}
BROKEN = {"id": "broken", "runs": [{**FAILED, "commit": "8c1f"}]}


def batch(tmp_path: Path, *lines: object) -> str:
    file = tmp_path / "batch.jsonl"
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    result = CliRunner().invoke(application("flaky"), ["flaky", "--batch", str(file)])
    if isinstance(result.exception, CallerError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_one_answer_each_in_order(tmp_path: Path) -> None:
    first, second = map(json.loads, batch(tmp_path, FLAKY, "", BROKEN).splitlines())
    assert (first["id"], first["flaky"], second["id"], second["flaky"]) == ("flaky", True, "broken", False)
    assert first.keys() == {"id", "flaky", "score", "interval", "why"}
    assert 0 <= first["interval"][0] < first["interval"][1] <= 1
    assert "failed and passed at the same commit 1 time" in first["why"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "the line"),
        ({"id": "x"}, "runs"),
        ({"id": "x", "runs": [{**FAILED, "outcome": "maybe"}]}, "runs.0.outcome"),
        ({"id": "x", "runs": [{**FAILED, "passes_before": -1}]}, "runs.0.passes_before"),
        ({"id": "x", "runs": [{**FAILED, "attempt": "1"}]}, "runs.0.attempt"),
    ],
)
def test_bad_input_is_told_with_its_place(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(CallerError, match=rf"batch\.jsonl:2: {said}"):
        batch(tmp_path, FLAKY, line)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(application("flaky"), ["flaky", "--batch", str(tmp_path / "no")])
    assert isinstance(result.exception, CallerError)
    assert "cannot be read" in str(result.exception)


def test_it_needs_no_store(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_text("")
    code = (
        "import sys; from api.cli.main import application\n"
        f"application('flaky')(['flaky', '--batch', {str(file)!r}], standalone_mode=False)\n"
        "print([name for name in ('ray', 'redis', 'docker', 'torch') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"
