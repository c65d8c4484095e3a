"""The four state machines, as literal tables, and the one function that steps them.

A row is (state, event) → next state. What has no row is illegal and raises `IllegalTransition`. A state out of which
nothing leads, or only `REOPENING` events do, is terminal. Comments say why an edge exists. `docs/state-machines.md` is
generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from models.errors import IllegalTransition


class RunState(StrEnum):
    """Where a run is."""

    CREATED = "created"
    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ERRORED = "errored"


class RunEvent(StrEnum):
    """What may happen to a run."""

    PLAN = "plan"
    HOLD = "hold"
    APPROVE = "approve"
    EXECUTE = "execute"
    PASS = "pass"
    FAIL = "fail"
    CANCEL = "cancel"
    ERROR = "error"
    RERUN = "rerun"
    REPLAN = "replan"


class JobState(StrEnum):
    """Where a job is."""

    BLOCKED = "blocked"
    QUEUED = "queued"
    ACTIVE = "active"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    ERRORED = "errored"


class JobEvent(StrEnum):
    """What may happen to a job."""

    UNBLOCK = "unblock"
    ACTIVATE = "activate"
    RETRY = "retry"
    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    CANCEL = "cancel"
    ERROR = "error"
    REFUSE = "refuse"
    RETURN = "return"
    RERUN = "rerun"


class AttemptState(StrEnum):
    """Where one try at a job is."""

    QUEUED = "queued"
    LEASED = "leased"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    ERRORED = "errored"


class AttemptEvent(StrEnum):
    """What may happen to an attempt."""

    LEASE = "lease"
    START = "start"
    PASS = "pass"
    FAIL = "fail"
    TIME_OUT = "time_out"
    CANCEL = "cancel"
    LOSE = "lose"
    ERROR = "error"
    RETURN = "return"


class LeaseState(StrEnum):
    """Whether a lease still holds."""

    HELD = "held"
    RELEASED = "released"
    EXPIRED = "expired"
    REVOKED = "revoked"


class LeaseEvent(StrEnum):
    """What may happen to a lease."""

    RENEW = "renew"
    RELEASE = "release"
    EXPIRE = "expire"
    REVOKE = "revoke"


RUN: Mapping[tuple[RunState, RunEvent], RunState] = {
    (RunState.CREATED, RunEvent.PLAN): RunState.PLANNING,
    (RunState.CREATED, RunEvent.CANCEL): RunState.CANCELLED,
    # policy wants a person to look at a fork's code first
    (RunState.PLANNING, RunEvent.HOLD): RunState.AWAITING_APPROVAL,
    (RunState.PLANNING, RunEvent.EXECUTE): RunState.RUNNING,
    (RunState.PLANNING, RunEvent.CANCEL): RunState.CANCELLED,
    # the configuration does not parse, or the commit cannot be fetched
    (RunState.PLANNING, RunEvent.ERROR): RunState.ERRORED,
    (RunState.AWAITING_APPROVAL, RunEvent.APPROVE): RunState.RUNNING,
    (RunState.AWAITING_APPROVAL, RunEvent.CANCEL): RunState.CANCELLED,
    (RunState.RUNNING, RunEvent.PASS): RunState.PASSED,
    (RunState.RUNNING, RunEvent.FAIL): RunState.FAILED,
    (RunState.RUNNING, RunEvent.CANCEL): RunState.CANCELLED,
    (RunState.RUNNING, RunEvent.ERROR): RunState.ERRORED,
    # a person asks for some of its jobs once more
    (RunState.PASSED, RunEvent.RERUN): RunState.RUNNING,
    (RunState.FAILED, RunEvent.RERUN): RunState.RUNNING,
    (RunState.CANCELLED, RunEvent.RERUN): RunState.RUNNING,
    (RunState.ERRORED, RunEvent.RERUN): RunState.RUNNING,
    # and where it ended before it had a plan, for that
    (RunState.CANCELLED, RunEvent.REPLAN): RunState.PLANNING,
    (RunState.ERRORED, RunEvent.REPLAN): RunState.PLANNING,
}

JOB: Mapping[tuple[JobState, JobEvent], JobState] = {
    (JobState.BLOCKED, JobEvent.UNBLOCK): JobState.QUEUED,
    # a job it needs did not pass
    (JobState.BLOCKED, JobEvent.SKIP): JobState.SKIPPED,
    (JobState.BLOCKED, JobEvent.CANCEL): JobState.CANCELLED,
    # it asks for what the policy does not allow
    (JobState.BLOCKED, JobEvent.REFUSE): JobState.FAILED,
    (JobState.QUEUED, JobEvent.ACTIVATE): JobState.ACTIVE,
    (JobState.QUEUED, JobEvent.CANCEL): JobState.CANCELLED,
    # nothing took it for longer than the queue timeout
    (JobState.QUEUED, JobEvent.ERROR): JobState.ERRORED,
    # a retry is a new attempt: the old one stays visible
    (JobState.ACTIVE, JobEvent.RETRY): JobState.QUEUED,
    # its runner gave the attempt back before it began
    (JobState.ACTIVE, JobEvent.RETURN): JobState.QUEUED,
    (JobState.ACTIVE, JobEvent.PASS): JobState.PASSED,
    (JobState.ACTIVE, JobEvent.FAIL): JobState.FAILED,
    (JobState.ACTIVE, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.ACTIVE, JobEvent.ERROR): JobState.ERRORED,
    # a person asks for it once more; from there it waits for what it needs, as the first time
    (JobState.PASSED, JobEvent.RERUN): JobState.BLOCKED,
    (JobState.FAILED, JobEvent.RERUN): JobState.BLOCKED,
    (JobState.SKIPPED, JobEvent.RERUN): JobState.BLOCKED,
    (JobState.CANCELLED, JobEvent.RERUN): JobState.BLOCKED,
    (JobState.ERRORED, JobEvent.RERUN): JobState.BLOCKED,
}

ATTEMPT: Mapping[tuple[AttemptState, AttemptEvent], AttemptState] = {
    (AttemptState.QUEUED, AttemptEvent.LEASE): AttemptState.LEASED,
    (AttemptState.QUEUED, AttemptEvent.CANCEL): AttemptState.CANCELLED,
    (AttemptState.QUEUED, AttemptEvent.ERROR): AttemptState.ERRORED,
    (AttemptState.LEASED, AttemptEvent.START): AttemptState.RUNNING,
    # a runner that is shutting down gives the job back untouched
    (AttemptState.LEASED, AttemptEvent.RETURN): AttemptState.QUEUED,
    (AttemptState.LEASED, AttemptEvent.CANCEL): AttemptState.CANCELLED,
    (AttemptState.LEASED, AttemptEvent.LOSE): AttemptState.LOST,
    # the sandbox could not be prepared
    (AttemptState.LEASED, AttemptEvent.ERROR): AttemptState.ERRORED,
    (AttemptState.RUNNING, AttemptEvent.PASS): AttemptState.PASSED,
    (AttemptState.RUNNING, AttemptEvent.FAIL): AttemptState.FAILED,
    (AttemptState.RUNNING, AttemptEvent.TIME_OUT): AttemptState.TIMED_OUT,
    (AttemptState.RUNNING, AttemptEvent.CANCEL): AttemptState.CANCELLED,
    (AttemptState.RUNNING, AttemptEvent.LOSE): AttemptState.LOST,
    (AttemptState.RUNNING, AttemptEvent.ERROR): AttemptState.ERRORED,
}

LEASE: Mapping[tuple[LeaseState, LeaseEvent], LeaseState] = {
    (LeaseState.HELD, LeaseEvent.RENEW): LeaseState.HELD,
    # finished, or given back
    (LeaseState.HELD, LeaseEvent.RELEASE): LeaseState.RELEASED,
    (LeaseState.HELD, LeaseEvent.EXPIRE): LeaseState.EXPIRED,
    # the job was cancelled while the runner worked
    (LeaseState.HELD, LeaseEvent.REVOKE): LeaseState.REVOKED,
}

# Only a person makes these happen. Nothing Delta does by itself leads out of a terminal state.
REOPENING: frozenset[StrEnum] = frozenset({RunEvent.RERUN, RunEvent.REPLAN, JobEvent.RERUN})

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def step(table: Mapping[tuple[S, E], S], state: S, event: E) -> S:
    """The state after `event`. Raises `IllegalTransition` where the table has no such row."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(f"{type(state).__name__}: nothing leads out of {state!r} by {event!r}") from None


def terminal(table: Mapping[tuple[S, E], S], state: S) -> bool:
    """Whether nothing leads out of `state` but a person's wish to see it run again."""
    return not any(left == state and event not in REOPENING for left, event in table)
