"""`delta flaky`: which tests fail by themselves. For a person from what a Delta has seen; `--batch` for measuring.

`--batch` needs no server, Ray, Docker or Redis.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from actors.analyzer.flaky import judge
from api.cli.batch import items
from models.errors import CallerError
from models.flaky import TestOutcome, TestRun


class _Run(BaseModel):
    """As in `TestRun`; commits may be numbered."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    commit: int | str
    attempt: int = Field(ge=1)
    outcome: TestOutcome = Field(strict=False)
    suite_failures: int = Field(ge=0)
    passes_before: int = Field(default=0, ge=0)


class _Item(BaseModel):
    """A line of a batch: a test's attempts, oldest first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    runs: tuple[_Run, ...]


class Judged(BaseModel):
    """The answer to one item: `score` is the chance that it is flaky, `interval` its failure rate's (95 %)."""

    id: str
    flaky: bool
    score: float
    interval: tuple[float, float]
    why: tuple[str, ...]


def flaky(
    repository: Annotated[str, typer.Argument(help="As `delta status` shows it; without it, all of them.")] = "",
    batch: Annotated[Path | None, typer.Option(help='Lines of {"id", "runs": […]}: one answer each.')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, and nothing else.")] = False,
) -> None:
    """Show the tests that are known to be flaky, and those in quarantine."""
    if batch is None:
        from api.cli.flaky_text import show  # the store, which a batch does not need

        show(Console(soft_wrap=True), repository, as_json=as_json)
        return
    if repository:
        raise CallerError("a batch is of no repository", remedy="`delta flaky REPOSITORY` or `--batch FILE`")
    for item in items(batch, _Item):
        verdict = judge([TestRun(**{**dict(run), "commit": str(run.commit)}) for run in item.runs])
        score, between = round(verdict.score, 4), (round(verdict.interval[0], 5), round(verdict.interval[1], 5))
        answer = Judged(id=item.id, flaky=verdict.flaky, score=score, interval=between, why=verdict.why)
        typer.echo(answer.model_dump_json())
        sys.stdout.flush()
