"""A person has looked at a change that had to wait for it. The approval is the run's, and so bound to its commit.

The next push is another run, and waits anew.
"""

from __future__ import annotations

from models.commands import Report
from models.errors import CallerError
from models.events import Event, EventKind
from models.lifecycle.decision import Decision
from models.lifecycle.fold import fold
from models.machines import RUN, RunEvent, RunState, step
from models.run import Run


def approve(run: Run, by: str, now: float) -> Decision | None:
    """Its jobs are queued as after any plan. None for a run that does not wait: approved before, or over."""
    if run.state is not RunState.AWAITING_APPROVAL:
        return None
    state = step(RUN, run.state, RunEvent.APPROVE)
    run = run.having(state=state, approved_by=by, begun_at=now, detail="")
    told = Event(kind=EventKind.RUN_APPROVED, at=now, detail=f"by {by}")
    return Decision(run=run, events=(told,), commands=(Report(),)).then(fold(run, now))


def checked_waiting(run: Run) -> None:
    """Raises `CallerError` for a run that cannot be approved."""
    if run.state is not RunState.AWAITING_APPROVAL:
        raise CallerError(f"run {run.id} does not wait for approval: it is {run.state}", remedy="`delta status`")
