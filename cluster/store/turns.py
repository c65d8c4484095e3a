"""Load, decide, commit, and again when somebody else was faster: the same for every store of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from weakref import WeakValueDictionary

from models.errors import InfrastructureError, VersionConflict
from models.fence import Fence
from models.ids import RunId
from models.lifecycle.decision import Decision
from models.run import Run

# Of those that conflict one always wins, so this is more than the processes that ever decide about one run.
_MAX_CONFLICTS = 100


class _Runs(Protocol):
    async def load(self, run: RunId) -> Run: ...

    async def commit(self, decision: Decision, fence: Fence | None = None) -> Run: ...


class Turns:
    """Those who use one store take turns with a run, so only other processes can be faster."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[RunId, asyncio.Lock] = WeakValueDictionary()

    async def apply(
        self, runs: _Runs, run: RunId, decide: Callable[[Run], Decision | None], fence: Fence | None
    ) -> Run:
        """See `models.ports.Runs.apply`."""
        turn = self._turns.setdefault(run, asyncio.Lock())
        async with turn:
            for _ in range(_MAX_CONFLICTS):
                record = await runs.load(run)
                decision = decide(record)
                if decision is None:
                    return record
                try:
                    return await runs.commit(decision, fence)
                except VersionConflict:
                    continue
        # Not a `StaleWrite`: the caller's token may well hold, and what it has to say is not void.
        message = f"run {run} changed {_MAX_CONFLICTS} times while one decision was made"
        raise InfrastructureError(message, remedy="it is tried again")
