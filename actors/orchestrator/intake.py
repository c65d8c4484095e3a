"""What the outside asked for, acted on in order: new changes, approvals, cancellations, re-runs, terminals.

A message leaves the inbox only after it was acted on, so it may be acted on twice; every action can be.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from actors.handles import Supervisors
from actors.orchestrator.supersede import same_pull_request, superseded
from actors.orchestrator.terminals import Terminals
from cluster.store.store import Store
from models.change import Change
from models.errors import CallerError, InternalError, NotFound, StaleWrite
from models.ids import RunId
from models.inbox import Approve, Cancel, Message, NoteProbe, OpenTerminal, Rerun, Said, Submit
from models.lifecycle.approve import approve
from models.lifecycle.cancel import cancel
from models.lifecycle.create import create
from models.lifecycle.probes import noted
from models.lifecycle.rerun import rerun
from models.run import Run

log = logging.getLogger(__name__)

_BLOCK_MS = 10_000


class Intake:
    """The only reader of the inbox."""

    def __init__(self, store: Store, supervisors: Supervisors, terminals: Terminals) -> None:
        self._store = store
        self._supervisors = supervisors
        self._terminals = terminals
        self._position = "0"

    async def take(self) -> None:
        """Acts on what is there, or waits some seconds for something."""
        entries = await self._store.inbox.take(self._position, block_ms=_BLOCK_MS)
        for entry, message in entries:
            try:
                await self._act_on(message)
            except CallerError as error:
                log.warning("a message asked for what cannot be: %s", error)
            except InternalError:  # it would fail again, and nothing after it would ever be taken
                log.exception("a message could not be acted on: %s", message.model_dump_json())
            await self._store.inbox.done(entry)
            self._position = entry

    async def _act_on(self, message: Message) -> None:
        match message:
            case Submit(change=change):
                await self._submit(change)
            case Rerun(run=run_id, which=which, by=by):
                await self._store.runs.apply(run_id, lambda run: rerun(run, which, by, time.time()))
                self._supervisors.carry(run_id)
            case Approve(run=run_id, by=by):
                await self._store.runs.apply(run_id, lambda run: approve(run, by, time.time()))
                self._supervisors.carry(run_id)
            case Cancel(run=run_id, by=by):
                await self._cancel(run_id, by)
            case NoteProbe():
                await self._note(message)
            case Said():
                await self._store.reports.hear(message)
            case OpenTerminal():
                await self._terminals.open(message)
                self._supervisors.carry(message.run)

    async def _submit(self, change: Change) -> None:
        try:
            run = await self._store.runs.commit(create(change, time.time()))
        except StaleWrite:
            log.info("run %s exists: a duplicate of its event", change.run_id())
            run = await self._store.runs.load(change.run_id())
        await self._supersede(run)
        self._supervisors.carry(run.id)

    async def _note(self, told: NoteProbe) -> None:
        probe = await self._store.runs.load(told.probe)
        await self._store.runs.apply(
            told.run, lambda run: noted(run, probe, time.time(), unexplained=told.unexplained, patch=told.patch)
        )
        self._supervisors.carry(told.run)

    async def _cancel(self, run_id: RunId, by: str) -> None:
        await self._store.runs.apply(run_id, lambda run: cancel(run, by, time.time()))
        self._supervisors.carry(run_id)

    async def _supersede(self, run: Run) -> None:
        """Of the runs of one pull request only the newest goes on. A push to a branch replaces nothing.

        Deliveries may come out of order, so it may be this very run that is out of date.
        """
        for old, new in superseded(run, await self._rivals(run)):
            await self._cancel(old.id, f"a newer push to the same pull request, run {new.id}")

    async def _rivals(self, run: Run) -> list[Run]:
        """The other unfinished runs of the same pull request."""
        if run.change.number is None or run.over:
            return []
        found = []
        for run_id in await self._store.runs.active():
            with suppress(NotFound):
                found.append(await self._store.runs.load(run_id))
        return [each for each in found if each.id != run.id and same_pull_request(each.change, run.change)]
