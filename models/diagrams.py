"""Draws the state machines: `python -m models.diagrams` writes `docs/state-machines.md`; a test keeps it fresh."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from models.machines import (
    ATTEMPT,
    JOB,
    LEASE,
    RUN,
    AttemptState,
    JobState,
    LeaseState,
    RunState,
    terminal,
)

PAGE = Path(__file__).parent.parent / "docs" / "state-machines.md"

Table = Mapping[tuple[Any, Any], Any]

_MACHINES: tuple[tuple[str, str, Table, type[StrEnum]], ...] = (
    ("Run", "One change on its way to a verdict. Its state is a fold over its jobs.", RUN, RunState),
    (
        "Job",
        "One planned job. A retry is a new attempt, so the job goes back to `queued` and the old attempt stays.",
        JOB,
        JobState,
    ),
    ("Attempt", "One try at a job, carried by one runner.", ATTEMPT, AttemptState),
    ("Lease", "A runner's right to carry one attempt. Its token fences every word of the runner.", LEASE, LeaseState),
)

_INTRODUCTION = """# State machines

Written by `python -m models.diagrams` from the tables in `models/machines.py`, where a comment says why an edge is
there. Do not edit this page: change the table and write it again.

An arrow that is not here raises `IllegalTransition`. Told apart from that are a stale token (`StaleWrite`: a normal
race, refused) and a duplicate (no change, the same answer).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *(_section(*machine) for machine in _MACHINES)])


def diagram(table: Table, states: type[StrEnum]) -> str:
    """One machine as a Mermaid state diagram (https://mermaid.js.org/syntax/stateDiagram.html)."""
    first = next(iter(states))
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {state} --> {target}: {event}" for (state, event), target in table.items()]
    lines += [f"    {state} --> [*]" for state in states if terminal(table, state)]
    return "\n".join(lines)


def _section(name: str, meaning: str, table: Table, states: type[StrEnum]) -> str:
    ends = ", ".join(f"`{state}`" for state in states if terminal(table, state))
    return f"## {name}\n\n{meaning}\nEnds in {ends}.\n\n```mermaid\n{diagram(table, states)}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page())
