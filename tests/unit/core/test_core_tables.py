"""The four machines, restated by hand. Nothing here is derived from the tables: whoever changes one changes both."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from models.errors import IllegalTransition
from models.machines import (
    ATTEMPT,
    JOB,
    LEASE,
    RUN,
    AttemptEvent,
    AttemptState,
    JobEvent,
    JobState,
    LeaseEvent,
    LeaseState,
    RunEvent,
    RunState,
    step,
    terminal,
)

# state: event → next state, …
RUN_EDGES = """
created: plan → planning, cancel → cancelled
planning: hold → awaiting_approval, execute → running, cancel → cancelled, error → errored
awaiting_approval: approve → running, cancel → cancelled
running: pass → passed, fail → failed, cancel → cancelled, error → errored
passed: rerun → running
failed: rerun → running
cancelled: rerun → running, replan → planning
errored: rerun → running, replan → planning
"""
JOB_EDGES = """
blocked: unblock → queued, skip → skipped, cancel → cancelled, refuse → failed
queued: activate → active, cancel → cancelled, error → errored
active: retry → queued, return → queued, pass → passed, fail → failed, cancel → cancelled, error → errored
passed: rerun → blocked
failed: rerun → blocked
skipped: rerun → blocked
cancelled: rerun → blocked
errored: rerun → blocked
"""
ATTEMPT_EDGES = """
queued: lease → leased, cancel → cancelled, error → errored
leased: start → running, return → queued, cancel → cancelled, lose → lost, error → errored
running: pass → passed, fail → failed, time_out → timed_out, cancel → cancelled, lose → lost, error → errored
"""
LEASE_EDGES = """
held: renew → held, release → released, expire → expired, revoke → revoked
"""

MACHINES = [
    pytest.param(RUN, RunState, RunEvent, RUN_EDGES, "passed failed cancelled errored", id="run"),
    pytest.param(JOB, JobState, JobEvent, JOB_EDGES, "passed failed skipped cancelled errored", id="job"),
    pytest.param(
        ATTEMPT,
        AttemptState,
        AttemptEvent,
        ATTEMPT_EDGES,
        "passed failed timed_out cancelled lost errored",
        id="attempt",
    ),
    pytest.param(LEASE, LeaseState, LeaseEvent, LEASE_EDGES, "released expired revoked", id="lease"),
]


def edges(text: str) -> dict[tuple[str, str], str]:
    found = {}
    for line in text.strip().splitlines():
        state, outgoing = line.split(": ")
        for edge in outgoing.split(", "):
            event, target = edge.split(" → ")
            found[state, event] = target
    return found


Table = Mapping[tuple[Any, Any], Any]
Names = type[StrEnum]


@pytest.mark.parametrize(("table", "states", "events", "text", "ends"), MACHINES)
def test_the_machine_has_these_edges_and_no_others(
    table: Table, states: Names, events: Names, text: str, ends: str
) -> None:
    del states, events, ends
    stated = {(str(state), str(event)): str(target) for (state, event), target in table.items()}
    assert stated == edges(text)


@pytest.mark.parametrize(("table", "states", "events", "text", "ends"), MACHINES)
def test_these_states_are_terminal_and_no_others(
    table: Table, states: Names, events: Names, text: str, ends: str
) -> None:
    del events, text
    assert {str(state) for state in states if terminal(table, state)} == set(ends.split())


@pytest.mark.parametrize(("table", "states", "events", "text", "ends"), MACHINES)
def test_a_step_follows_its_edge_and_raises_where_there_is_none(
    table: Table, states: Names, events: Names, text: str, ends: str
) -> None:
    del ends
    for state in states:
        for event in events:
            target = edges(text).get((str(state), str(event)))
            if target is not None:
                assert step(table, state, event) == states(target)
            else:
                with pytest.raises(IllegalTransition) as raised:
                    step(table, state, event)
                assert repr(state) in str(raised.value)
                assert repr(event) in str(raised.value)
