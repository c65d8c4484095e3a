"""An analysis for reading: what kind of failure, the lines that explain it, the tests that failed."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from api.cli.plain import plain
from models.failure import Finding

_SHOWN_TESTS = 20


def print_finding(console: Console, finding: Finding) -> None:
    """The whole finding."""
    sure = f"{finding.category}, {finding.confidence:.0%} sure"
    console.print(Text.assemble((plain(finding.summary), "bold"), f"  ({sure})"))
    lines = finding.excerpt_text.splitlines()
    numbers = [number for span in finding.excerpt for number in range(span.first, span.last + 1)]
    before = None
    for number, line in zip(numbers, lines, strict=False):
        if before is not None and number != before + 1:
            console.print(Text("        …", style="dim"))
        console.print(Text.assemble((f"{number:>7} ", "dim"), plain(line)))
        before = number
    for test in finding.failing_tests[:_SHOWN_TESTS]:
        console.print(Text.assemble(("  ✗ ", "red"), plain(test.name), (f"  {plain(test.message)}", "dim")))
    if len(finding.failing_tests) > _SHOWN_TESTS:
        console.print(Text(f"  and {len(finding.failing_tests) - _SHOWN_TESTS} more failed tests", style="dim"))
    console.print(Text(f"  signature: {plain(finding.signature)}", style="dim"))
    console.print(Text(f"  looked at: {', '.join(finding.looked_at)}", style="dim"))
