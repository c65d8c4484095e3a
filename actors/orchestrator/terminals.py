"""Terminals that people have open: what is typed goes to the runner through here, for its node may not read the store.

Nothing of them is kept: when the orchestrator is started anew, each of its terminals ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from actors.handles import RunnersHandle
from actors.orchestrator.caches import restorable
from cluster.store.store import Store
from models.errors import DeltaError
from models.ids import AttemptId
from models.inbox import OpenTerminal
from models.lifecycle.terminal import terminal_opened
from models.logs import LogChunk, LogSource
from models.terminal import LAST, TerminalGrant, Typed, looked_at

# Nobody has typed for so long: it ends. And: its runner has not asked for so long, so there is none.
IDLE_S = 900.0
SILENT_S = 30.0
_WAIT_S = 10.0


class Terminals:
    """By session, when its runner last asked what was typed; None while it has no runner."""

    def __init__(self, store: Store, runners: RunnersHandle, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._runners = runners
        self._clock = clock
        self._asked: dict[AttemptId, float | None] = {}
        self._touched: dict[AttemptId, float] = {}

    async def open(self, wanted: OpenTerminal) -> None:
        """Has a runner open one. Asking twice changes nothing. What cannot be is told in the terminal."""
        if wanted.session in self._asked:
            return
        try:
            run = await self._store.runs.apply(
                wanted.run, lambda run: terminal_opened(run, wanted.job, wanted.by, time.time())
            )
        except DeltaError as error:
            await self._tell_last(wanted.session, str(error))
            return
        self._asked[wanted.session] = None
        self._touched[wanted.session] = self._clock()
        spec = looked_at(run.job(wanted.job).spec)
        restore = await restorable(self._store.caches, spec.caches, run.change, time.time())
        grant = TerminalGrant(session=wanted.session, spec=spec, change=run.change, restore=restore)
        self._runners.open_terminal(grant)

    async def typed(self, session: AttemptId, after: str) -> tuple[str, list[Typed]] | None:
        """What was typed after `after`, once there is something; None: the terminal is to end."""
        if session not in self._asked:
            return None
        self._asked[session] = self._clock()
        found = await self._store.terminals.typed(session, after, block_ms=round(_WAIT_S * 1000))
        if found:
            self._touched[session] = self._clock()
        elif self._clock() - self._touched[session] > IDLE_S:
            return None
        return (found[-1][0] if found else after), [typed for _, typed in found]

    async def over(self, session: AttemptId, why: str) -> None:
        """Its runner has ended, however it did."""
        self._asked.pop(session, None)
        self._touched.pop(session, None)
        await self._tell_last(session, why)

    def holds(self, session: AttemptId) -> bool:
        """Whether its sandbox is in use."""
        asked = self._asked.get(session)
        return asked is not None and self._clock() - asked < SILENT_S

    async def _tell_last(self, session: AttemptId, why: str) -> None:
        text = f"the terminal has ended{f': {why}' if why else ''}\n"
        last = LogChunk(at=time.time(), source=LogSource.DELTA, step=LAST, text=text)
        await self._store.logs.append(session, [last])
        await self._store.terminals.over(session)
