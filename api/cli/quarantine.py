"""`delta quarantine`: tests that run and are shown, and alone fail nothing, until a day that everybody can see."""

from __future__ import annotations

import getpass
import time
from typing import Annotated

import typer
from rich.console import Console

from actors import flaky_tests
from api.cli.flaky_text import quarantine_lines
from api.cli.plain import plain
from api.cli.store import with_store
from models.flaky import MAX_QUARANTINE_DAYS

app = typer.Typer(name="quarantine", help="Tests whose failure alone fails nothing, for a while.", no_args_is_help=True)

Repository = Annotated[str, typer.Argument(help="As `delta status` shows it.")]
Test = Annotated[str, typer.Argument(help="Its name, exactly as explanations show it.")]
Job = Annotated[str, typer.Option(help="Only in this job.")]


@app.command()
def add(
    repository: Repository,
    test: Test,
    *,
    days: Annotated[int, typer.Option(help=f"When it ends: 1 to {MAX_QUARANTINE_DAYS} days from now.")],
    reason: Annotated[str, typer.Option(help="Why, for those who see it; an issue's address, for instance.")],
    job: Job = "",
) -> None:
    """Set a test aside, or give its quarantine another end. It still runs and is still shown."""
    by, now = getpass.getuser(), time.time()
    entry = with_store(
        lambda store, _: flaky_tests.set_aside(
            store, repository, test, job=job, days=days, reason=reason, by=by, now=now
        )
    )
    for line in quarantine_lines([entry], entry.since):
        Console(soft_wrap=True).print(line)


@app.command("list")
def list_(repository: Annotated[str, typer.Argument(help="Without it, all of them.")] = "") -> None:
    """Show what is in quarantine, and what was until it ended."""
    for line in quarantine_lines(with_store(lambda store, _: store.quarantine.entries(repository)), time.time()):
        Console(soft_wrap=True).print(line)


@app.command()
def remove(repository: Repository, test: Test, job: Job = "") -> None:
    """Take a test out: its next failure counts."""
    with_store(lambda store, _: flaky_tests.take_back(store, repository, test, job))
    Console(soft_wrap=True).print(f"removed: {plain(test)} of {plain(repository)}", markup=False)
