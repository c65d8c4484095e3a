"""`delta plan --health` and `--dismiss`: how good plans are, and closing a miss that is none. Needs the store alone."""

from __future__ import annotations

import getpass
import shlex
import time

from rich.console import Console
from rich.text import Text

from actors.planner import review
from actors.planner.health import Health
from api.cli.plain import plain
from api.cli.store import with_store
from api.health_view import health_view
from models.history import Miss
from models.printable import day

_SHOWN_CLOSED = 10


def show_health(console: Console, repository: str = "", *, as_json: bool = False) -> None:
    """Prints what is known of one repository's plans, or of all."""
    found = with_store(lambda store, _: review.look(store.lessons, repository))
    if as_json:
        console.file.write(health_view(found).model_dump_json(indent=2) + "\n")
        return
    for line in lines(found):
        console.print(line)


def dismiss(console: Console, key: str) -> None:
    """Closes the miss of this key. Raises `NotFound`."""
    miss = with_store(lambda store, _: review.dismiss(store.lessons, key, getpass.getuser(), time.time()))
    console.print(Text(f"closed: {plain(_name(miss))} widens no plan any more"))


def lines(found: Health) -> list[Text]:
    """The same for a person, most telling first."""
    recall = found.recall
    shown = [Text(f"plans of {plain(found.repository) if found.repository else 'all repositories'}", style="bold")]
    if recall.share is None:
        shown.append(Text("no run of everything has shown yet what selection chooses or misses"))
    else:
        total = recall.caught + recall.missed
        between = f"between {recall.low:.1%} and {recall.high:.1%} with 95 % confidence"
        shown.append(Text(f"recall {recall.share:.1%}: {recall.caught} of {total} failures chosen, {between}"))
    if found.sampled:
        shown.append(
            Text(f"of {found.sampled} tests that plans left out and audits ran, {found.sampled_failed} failed")
        )
    shown.append(Text(f"{len(found.open)} open misses, {len(found.closed)} closed"))
    shown += [_line(miss) for miss in found.open]
    shown += [_line(miss) for miss in found.closed[-_SHOWN_CLOSED:]]
    return shown


def _line(miss: Miss) -> Text:
    changed = ", ".join(map(plain, miss.changed[:3])) + (" …" if len(miss.changed) > 3 else "")
    text = f"  {day(miss.at)} {plain(miss.repository)}: {changed} → {plain(_name(miss))}, {miss.found}"
    if miss.fixed_by:
        return Text(f"{text}; fixed, run {miss.fixed_by} selected it", style="dim")
    if miss.dismissed_by:
        return Text(f"{text}; dismissed by {plain(miss.dismissed_by)}", style="dim")
    return Text(f"{text}\n    to dismiss it: delta plan --dismiss {shlex.quote(plain(miss.key))}")


def _name(miss: Miss) -> str:
    return miss.test or f"the job {miss.job}"
