"""Flaky tests and the quarantine, printed for a person, from the store alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from actors import flaky_tests
from actors.analyzer.suites import percent
from actors.flaky_tests import FlakyTest
from api.cli.plain import plain
from api.cli.store import with_store
from api.flaky_view import flaky_view
from cluster.store.store import Store
from models.flaky import Quarantined
from models.printable import day


def show(console: Console, repository: str = "", *, as_json: bool = False) -> None:
    """Prints what is known of one repository's tests, or of all."""
    found, entries = with_store(lambda store, _: _both(store, repository))
    now = time.time()
    if as_json:
        console.file.write(flaky_view(found, entries, now).model_dump_json(indent=2) + "\n")
        return
    for line in [*flaky_lines(found), *quarantine_lines(entries, now)]:
        console.print(line)


def flaky_lines(found: Sequence[FlakyTest]) -> list[Text]:
    """A line for each, and one for how sure that is."""
    if not found:
        return [Text("no test is known to be flaky")]
    shown: list[Text] = []
    for test in found:
        rate = f"{test.failures} of {test.attempts} runs, {percent((test.low, test.high))} with 95 % confidence"
        shown.append(Text.assemble((plain(test.test), "bold"), f"  {plain(test.job)} of {plain(test.repository)}"))
        why = "; ".join(test.why[1:])
        shown.append(Text(f"    failed in {rate}, since {day(test.since)}, last on {day(test.last)}", style="dim"))
        shown.append(Text(f"    {plain(why)}; {test.score:.0%} sure", style="dim"))
    return shown


def quarantine_lines(entries: Sequence[Quarantined], now: float) -> list[Text]:
    """A line for each entry."""
    if not entries:
        return [Text("no test is in quarantine")]
    shown: list[Text] = []
    for entry in entries:
        end = f"until {day(entry.until)}" if now < entry.until else f"ended {day(entry.until)}, it counts again"
        where = plain(entry.job) if entry.job else "every job"
        said = f"  in quarantine in {where} of {plain(entry.repository)}: {end}"
        shown.append(Text.assemble((plain(entry.test), "bold"), said))
        shown.append(Text(f"    {plain(entry.reason)} ({plain(entry.by)}, {day(entry.since)})", style="dim"))
    return shown


async def _both(store: Store, repository: str) -> tuple[list[FlakyTest], list[Quarantined]]:
    return await flaky_tests.flaky_tests(store, repository), await store.quarantine.entries(repository)
