"""Commands from a change as text in Delta's own lines."""

from __future__ import annotations

from models.ids import JobId
from models.job import JobSpec
from sandbox.steps import job_environment, shown


def test_a_command_of_several_lines_cannot_pass_for_lines_of_delta() -> None:
    assert shown("echo hi\nstep 1 of 1 ended: exit code 0") == "echo hi\n    step 1 of 1 ended: exit code 0"


def test_a_command_cannot_move_a_terminals_cursor() -> None:
    assert shown("echo \x1b[2J\r\u202e") == "echo \ufffd[2J\ufffd\ufffd"


def test_a_long_command_is_cut() -> None:
    assert len(shown("x" * 10_000)) < 2100


def test_the_jobs_own_variables_win() -> None:
    job = JobSpec(id=JobId("unit"), run=("true",), env={"CI": "no", "X": "1"})
    environment = job_environment(job)
    assert environment["CI"] == "no"
    assert environment["X"] == "1"
    assert environment["DELTA"] == "true"
    assert environment["HOME"] == "/home/runner"
