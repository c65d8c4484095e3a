from __future__ import annotations

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli import doctor as verb
from api.cli.doctor import as_text, table
from api.cli.main import application
from cluster.host import checks
from cluster.host.checks import Check, run
from models.errors import InfrastructureError


def works() -> str:
    return "all is [well]"


def says_what_to_do() -> str:
    raise InfrastructureError("no engine answers", remedy="start one")


def breaks() -> str:
    raise ZeroDivisionError("division by zero")


CHECKS = (
    Check(part="Broken", probe=breaks, remedy="read the log"),
    Check(part="Explained", probe=says_what_to_do),
    Check(part="Working", probe=works),
)


def test_a_failing_check_hides_no_other() -> None:
    seen: list[str] = []
    findings = list(run(CHECKS, started=seen.append))
    assert seen == ["Broken", "Explained", "Working"]
    assert [(found.part, found.ok, found.detail, found.remedy) for found in findings] == [
        ("Broken", False, "ZeroDivisionError: division by zero", "read the log"),
        ("Explained", False, "no engine answers", "start one"),
        ("Working", True, "all is [well]", ""),
    ]


def test_the_table_shows_part_state_detail_and_what_to_do() -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(table(list(run(CHECKS))))
    lines = captured.get().splitlines()
    broken = next(line for line in lines if "Broken" in line)
    assert "fails" in broken
    assert "division by zero" in broken
    assert "read the log" in broken
    working = next(line for line in lines if "Working" in line)
    assert "works" in working
    assert "all is [well]" in working


def test_json_holds_the_same() -> None:
    told = json.loads(as_text(list(run(CHECKS))))
    assert told["ok"] is False
    assert [part["part"] for part in told["parts"]] == ["Broken", "Explained", "Working"]
    assert json.loads(as_text(list(run(CHECKS[2:]))))["ok"] is True


@pytest.mark.parametrize(("chosen", "code"), [(CHECKS, 1), (CHECKS[2:], 0)])
@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"]])
def test_the_exit_code_is_0_only_when_all_parts_work(
    monkeypatch: pytest.MonkeyPatch, chosen: tuple[Check, ...], code: int, arguments: list[str]
) -> None:
    monkeypatch.setattr(verb, "run", lambda **options: run(chosen, **options))
    assert CliRunner().invoke(application("doctor"), arguments).exit_code == code


def test_every_part_that_delta_stands_on_is_checked() -> None:
    assert {check.part for check in checks.CHECKS} == {
        "git", "Docker engine", "gVisor sandbox", "Redis", "Ray", "Embedding model",
    }  # fmt: skip
    assert all(check.remedy for check in checks.CHECKS)
