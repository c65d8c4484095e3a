"""Load, decide, commit, and again when somebody else was faster: the same for every store of runs.

What was committed last by this process is decided on without loading it again: if somebody else was faster, the commit
says so. Only a decision to write nothing, or an error, is made anew on a fresh record: nothing would check that one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol
from weakref import WeakValueDictionary

from models.errors import DeltaError, InfrastructureError, VersionConflict
from models.fence import Fence
from models.ids import RunId
from models.lifecycle.decision import Decision
from models.run import Run

# Of those that conflict one always wins, so this is more than the processes that ever decide about one run.
_MAX_CONFLICTS = 100
# Runs that are written to again and again within moments; a record has some kilobytes.
_KNOWN = 256


class _Runs(Protocol):
    async def load(self, run: RunId) -> Run: ...

    async def commit(self, decision: Decision, fence: Fence | None = None) -> Run: ...


class Turns:
    """Those who use one store take turns with a run, so only other processes can be faster."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[RunId, asyncio.Lock] = WeakValueDictionary()
        self._known: OrderedDict[RunId, Run] = OrderedDict()

    async def apply(
        self, runs: _Runs, run: RunId, decide: Callable[[Run], Decision | None], fence: Fence | None
    ) -> Run:
        """See `models.ports.Runs.apply`."""
        turn = self._turns.setdefault(run, asyncio.Lock())
        async with turn:
            known = self._known.pop(run, None)
            decision = _decided(known, decide) if known is not None else None
            for _ in range(_MAX_CONFLICTS):
                if decision is None:
                    record = await runs.load(run)
                    decision = decide(record)
                    if decision is None:
                        return record
                try:
                    written = await runs.commit(decision, fence)
                except VersionConflict:
                    decision = None
                    continue
                self._remember(written)
                return written
        # Not a `StaleWrite`: the caller's token may well hold, and what it has to say is not void.
        message = f"run {run} changed {_MAX_CONFLICTS} times while one decision was made"
        raise InfrastructureError(message, remedy="it is tried again")

    def _remember(self, run: Run) -> None:
        if run.over:
            return
        self._known[run.id] = run
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _decided(known: Run, decide: Callable[[Run], Decision | None]) -> Decision | None:
    """The decision on a record that may be out of date; None when that would not be noticed."""
    try:
        return decide(known)
    except DeltaError:
        return None
