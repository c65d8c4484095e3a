"""A supervisor: reads what was committed for its runs and carries it out, each command at least once.

Commands of one run are performed side by side; a slow one (an analysis) holds up no other. A command leaves the outbox
only after it was carried out, so a supervisor that dies leaves nothing undone: the next one reads the outbox again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict

from actors.background import Background
from actors.handles import AnalyzerHandle, OrchestratorHandle, PlannerHandle, owner
from cluster.store.store import Store
from models.commands import Analyze, Command, Enqueue, MakePlan, NoteFix, Report, Retire, Withdraw
from models.errors import DeltaError, InfrastructureError, InternalError, NotFound
from models.ids import RunId
from models.lifecycle.create import planned, unplannable
from models.lifecycle.expire import expire
from models.lifecycle.explain import explained
from models.settings import Settings

log = logging.getLogger(__name__)

_RECONCILE_S = 5.0
_PLAN_TRIES = 3


class Supervisor:
    """Number `number` of `settings.supervisors`: owns the runs that `owner` gives it."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        store: Store,
        orchestrator: OrchestratorHandle,
        planner: PlannerHandle,
        analyzer: AnalyzerHandle,
    ) -> None:
        self._number = number
        self._settings = settings
        self._store = store
        self._orchestrator = orchestrator
        self._planner = planner
        self._analyzer = analyzer
        self._plan_tries: dict[RunId, int] = {}
        # By run, the outbox entries that were begun. Kept when done: an outbox that was read before may show them.
        self._begun: dict[RunId, set[str]] = defaultdict(set)
        self._background = Background()

    async def start(self) -> None:
        """Begins to carry what is there."""
        self._background.repeat(self._reconcile)

    async def stop(self) -> None:
        """Ends the background work; for tests."""
        await self._background.stop()

    async def carry(self, run: RunId) -> None:
        """Begins every command of the run that nobody has begun; the run is retired when nothing else is left."""
        entries = await self._store.runs.outbox(run)
        work = [(entry, command) for entry, command in entries if not isinstance(command, Retire)]
        for entry, command in work:
            if entry not in self._begun[run]:
                self._begun[run].add(entry)
                self._background.spawn(self._carry_out(run, entry, command))
        if not work and entries:
            await self._retire(run, [entry for entry, _ in entries])

    async def _reconcile(self) -> None:
        for run in await self._store.runs.active():
            if owner(run, self._settings.supervisors) == self._number:
                await self._carry_next(run)
        await asyncio.sleep(_RECONCILE_S)

    async def _carry_next(self, run: RunId) -> None:
        limits = self._settings.timeouts
        try:
            await self._store.runs.apply(
                run, lambda record: expire(record, queue_s=limits.queue_s, run_s=limits.run_s, now=time.time())
            )
            await self.carry(run)
        except NotFound:  # listed, but never written: the orchestrator takes it off
            return
        except InternalError:  # the others go on
            log.exception("run %s stays as it is", run)

    async def _retire(self, run: RunId, entries: list[str]) -> None:
        await self._store.runs.retire(run)
        for entry in entries:
            await self._store.runs.performed(run, entry)
        self._begun.pop(run, None)

    async def _carry_out(self, run: RunId, entry: str, command: Command) -> None:
        try:
            await self._perform(run, command)
            await self._store.runs.performed(run, entry)
        except InfrastructureError as error:
            log.warning("%s of %s will be tried again: %s", command.do, run, error)
            self._begun[run].discard(entry)
        except DeltaError:  # ours, and wrong: the run waits, and the log says for what
            log.exception("%s of %s will be tried again", command.do, run)
            self._begun[run].discard(entry)
        else:
            await self.carry(run)

    async def _perform(self, run: RunId, command: Command) -> None:
        match command:
            case MakePlan():
                await self._plan(run)
            case Enqueue(job=job, attempt=attempt):
                await self._orchestrator.offer(run, job, attempt)
            case Withdraw(attempt=attempt):
                await self._orchestrator.withdraw(attempt)
            case Analyze() | NoteFix():
                await self._tell_analyzer(run, command)
            case Report():
                await self._store.reports.due(run)
            case Retire():
                pass  # carry() does it, when nothing else is left

    async def _tell_analyzer(self, run: RunId, command: Analyze | NoteFix) -> None:
        try:
            match command:
                case Analyze(job=job, attempt=attempt):
                    explanation = await self._analyzer.explain(run, job, attempt)
                    await self._store.runs.apply(
                        run, lambda record: explained(record, job, attempt, explanation, time.time())
                    )
                case NoteFix(job=job):
                    await self._analyzer.note_fix(run, job)
        except InfrastructureError:
            raise
        except DeltaError:
            # Trying again would fail again. The run goes on without it: an explanation is missing, no verdict is.
            log.exception("the analyzer cannot do %s of %s", command, run)

    async def _plan(self, run: RunId) -> None:
        change = (await self._store.runs.load(run)).change
        try:
            plan = await self._planner.plan(change)
        except DeltaError as error:
            tries = self._plan_tries[run] = self._plan_tries.get(run, 0) + 1
            if isinstance(error, InfrastructureError) and tries < _PLAN_TRIES:
                raise
            why = str(error)
            await self._store.runs.apply(run, lambda record: unplannable(record, why, time.time()))
        else:
            await self._store.runs.apply(run, lambda record: planned(record, plan, time.time()))
        self._plan_tries.pop(run, None)
