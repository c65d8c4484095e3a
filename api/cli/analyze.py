"""`delta analyze`: which lines of a log explain the failure, and of what kind it is. Needs no server, Ray or Docker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console

from actors.analyzer.decide import analyze as analyzed
from actors.analyzer.read import read_lines
from api.cli.analysis_text import print_finding
from api.cli.batch import items
from models.errors import CallerError
from models.failure import Category, Finding


class _Item(BaseModel):
    """A line of a batch. `passed` are logs of the same job that passed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    log: Path
    passed: tuple[Path, ...] = ()


class AnalysisView(BaseModel):
    """The answer to one item. `excerpt` are first and last lines, from 1 and inclusive."""

    id: str
    category: Category
    confidence: float
    abstained: bool
    excerpt: list[tuple[int, int]]
    summary: str
    signature: str
    failing_tests: list[str]


def analyze(
    log: Annotated[Path | None, typer.Argument(help="The log of a failed job; `-` for standard input.")] = None,
    passed: Annotated[
        list[Path] | None, typer.Option(help="A log of the same job that passed; may be repeated.")
    ] = None,
    batch: Annotated[Path | None, typer.Option(help='Lines of {"id", "log", "passed": […]}: one answer each.')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the analysis as JSON, and nothing else.")] = False,
) -> None:
    """Say which lines of a log explain a failure, and of what kind it is."""
    if batch is not None and log is None:
        for item in items(batch, _Item):
            typer.echo(_view(item.id, _finding(item.log, item.passed)).model_dump_json())
            sys.stdout.flush()
        return
    if log is None or batch is not None:
        raise CallerError("name one log, or a batch of them", remedy="`delta analyze LOG` or `--batch FILE`")
    finding = _finding(log, tuple(passed or ()))
    if as_json:
        typer.echo(_view(str(log), finding).model_dump_json(indent=2))
    else:
        print_finding(Console(soft_wrap=True), finding)


def _finding(log: Path, passed: tuple[Path, ...]) -> Finding:
    return analyzed(read_lines(log), result=None, passed=[read_lines(path) for path in passed])


def _view(name: str, finding: Finding) -> AnalysisView:
    return AnalysisView(
        id=name,
        category=finding.category,
        confidence=round(finding.confidence, 3),
        abstained=finding.category is Category.UNKNOWN and not finding.evidence,
        excerpt=[(span.first, span.last) for span in finding.evidence or finding.excerpt],
        summary=finding.summary,
        signature=finding.signature,
        failing_tests=[test.name for test in finding.failing_tests],
    )
