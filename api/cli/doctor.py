"""`delta doctor`: prove each part of this machine by using it, and say what to do about the ones that fail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.cli.show import warn_if_unsafe
from cluster.host.checks import Finding, run
from models.settings import Settings


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Prove each part of this machine by using it. Exits 0 when all work, 1 when one does not."""
    if as_json:
        findings = list(run())
        typer.echo(as_text(findings))
    else:
        with Console(stderr=True).status("") as status:
            findings = list(run(started=lambda part: status.update(f"Using {part} …")))
        Console().print(table(findings))
        warn_if_unsafe(Console(), Settings().sandbox)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def as_text(findings: Sequence[Finding]) -> str:
    """Return the findings as JSON: `ok` for all of them together, and one object a part."""
    parts = [finding.model_dump() for finding in findings]
    return json.dumps({"ok": all(finding.ok for finding in findings), "parts": parts}, indent=2)


def table(findings: Sequence[Finding]) -> Table:
    """Return the findings as a table for a terminal."""
    drawn = Table("Part", "State", "Detail", "What to do")
    for finding in findings:
        state = f"[green]works[/] {finding.took_s:.1f} s" if finding.ok else "[red]fails[/]"
        drawn.add_row(finding.part, state, escape(finding.detail), escape(finding.remedy))
    return drawn
