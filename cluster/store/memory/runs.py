"""Runs in memory. Records go through JSON, as they do in Redis: what cannot be written must not pass a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cluster.store import keys
from cluster.store.memory.state import Held, State
from cluster.store.turns import Turns
from models.commands import COMMAND, Command
from models.errors import NotFound, VersionConflict
from models.events import Event
from models.fence import Fence
from models.ids import RunId
from models.lifecycle.decision import Decision
from models.ports import START
from models.run import Run


class MemoryRuns:
    """See `models.ports.Runs`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._turns = Turns()

    async def load(self, run: RunId) -> Run:
        """The run as last committed. Raises `NotFound`."""
        await self._state.turn()
        held = self._state.records.get(run)
        if held is None:
            raise NotFound(f"there is no run {run!r}")
        return Run.model_validate_json(held.json)

    async def commit(self, decision: Decision, fence: Fence | None = None) -> Run:
        """All of it in one step, or nothing."""
        await self._state.turn()
        self._state.faults.before_commit()
        run = decision.run
        written = run.having(version=run.version + 1)
        if run.version == 0:
            self._state.created.setdefault(run.id, run.created_at)
        if decision.commands:
            self._state.active.add(run.id)
        self._state.check(run.id, fence)
        held = self._state.records.get(run.id)
        if run.version != (held.version if held else 0):
            raise VersionConflict(f"run {run.id} is no longer at version {run.version}")
        self._state.bring_back(run.id)
        self._state.records[run.id] = Held(written.version, written.model_dump_json())
        self._state.add(keys.events(run.id), *(event.model_dump_json() for event in decision.events))
        self._state.add(keys.outbox(run.id), *(command.model_dump_json() for command in decision.commands))
        await self._state.wake()
        self._state.faults.after_commit()
        return written

    async def apply(self, run: RunId, decide: Callable[[Run], Decision | None], fence: Fence | None = None) -> Run:
        """Loads, decides and commits; decides anew when somebody else was faster."""
        return await self._turns.apply(self, run, decide, fence)

    async def recent(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""
        await self._state.turn()
        newest = sorted(self._state.created, key=lambda run: self._state.created[run], reverse=True)[:limit]
        return [await self.load(run) for run in newest if run in self._state.records]

    async def active(self) -> list[RunId]:
        """The runs that have, or may have, something left to do."""
        await self._state.turn()
        return list(self._state.active)

    async def is_active(self, run: RunId) -> bool:
        """Whether the run has, or may have, something left to do."""
        await self._state.turn()
        return run in self._state.active

    async def retire(self, run: RunId, version: int | None = None, fence: Fence | None = None) -> None:
        """Takes a run with nothing left to do at `version`, by default the present one, off the active list."""
        await self._state.turn()
        self._state.check(run, fence)
        held = self._state.records.get(run)
        if version is not None and version != (held.version if held else 0):
            raise VersionConflict(f"run {run} is no longer at version {version}")
        self._state.active.discard(run)
        self._state.finished[run] = time.time()

    async def move_finished(self, finished_before: float) -> int:
        """There is nowhere to move them to; which would be moved is the same as in Redis."""
        await self._state.turn()
        moved = 0
        for run in [run for run, at in self._state.finished.items() if at < finished_before]:
            busy = run in self._state.active or run in self._state.marks
            held = self._state.records.get(run)
            if held is not None and not busy and Run.model_validate_json(held.json).over:
                del self._state.finished[run]
                self._state.moved.add(run)
                moved += 1
            else:
                self._state.finished[run] = time.time()
        return moved

    async def events(self, run: RunId, after: str = START, block_ms: int | None = None) -> list[tuple[str, Event]]:
        """The run's events after the entry id `after`; with `block_ms`, waits that long for one."""
        found = await self._state.read(keys.events(run), after=after, block_ms=block_ms)
        return [(entry, Event.model_validate_json(json)) for entry, json in found]

    async def outbox(self, run: RunId) -> list[tuple[str, Command]]:
        """Commands committed and not yet performed, oldest first."""
        found = await self._state.read(keys.outbox(run), after=START)
        return [(entry, COMMAND.validate_json(json)) for entry, json in found]

    async def performed(self, run: RunId, entries: Sequence[str], fence: Fence | None = None) -> None:
        """Takes commands out of the outbox: they were carried out."""
        await self._state.turn()
        self._state.check(run, fence)
        for entry in entries:
            self._state.remove(keys.outbox(run), entry)
