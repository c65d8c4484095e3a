"""A supervisor: reads what was committed for its runs and carries it out, each command at least once.

Which runs are its own, it knows from who else lives (`ownership.py`); before it carries one, it claims it in the store,
and whatever it writes for the run carries that fence. Once another one has the run, such a write is refused.

Commands of one run are performed side by side; a slow one (an analysis) holds up no other. A command leaves the outbox
only after it was carried out, so a supervisor that dies leaves nothing undone: the next one reads the outbox again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping

from actors.background import Background, until_done
from actors.handles import AnalyzerHandle, OrchestratorHandle, PlannerHandle, supervisor_name
from actors.supervisor.caches import CacheKeeper
from actors.supervisor.tenure import Tenure
from cluster.store.store import Store
from models.change import Change
from models.commands import (
    Analyze,
    Command,
    Enqueue,
    KeepCaches,
    Learn,
    MakePlan,
    NoteFix,
    Report,
    Retire,
    RunProbes,
    Withdraw,
)
from models.errors import ChangeError, DeltaError, InfrastructureError, InternalError, NotFound, StaleWrite
from models.fence import Fence
from models.ids import AttemptId, JobId, RunId
from models.inbox import NoteProbe, Submit
from models.lifecycle.create import planned, unplannable
from models.lifecycle.expire import expire
from models.lifecycle.explain import explained
from models.lifecycle.probes import probe_changes
from models.proposal import Proposal
from models.settings import Settings

log = logging.getLogger(__name__)

_RECONCILE_S = 5.0
_MOVE_S = 60.0
_PLAN_TRIES = 3
_LEARN_TRIES = 10
# These ask somebody who may take his time: others of the run are not held up by them.
_SLOW = (MakePlan, Analyze, NoteFix, Learn)


class Supervisor:
    """Number `number` of `settings.supervisors`."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        store: Store,
        orchestrator: OrchestratorHandle,
        planner: PlannerHandle,
        analyzer: AnalyzerHandle,
        caches: CacheKeeper,
    ) -> None:
        self._number = number
        self._settings = settings
        self._store = store
        self._orchestrator = orchestrator
        self._planner = planner
        self._analyzer = analyzer
        self._caches = caches
        self._plan_tries: dict[RunId, int] = {}
        self._learn_tries: dict[RunId, int] = {}
        # By run, the outbox entries that were begun. Kept when done: an outbox that was read before may show them.
        self._begun: dict[RunId, set[str]] = defaultdict(set)
        pool = [supervisor_name(each) for each in range(settings.supervisors)]
        self._tenure = Tenure(supervisor_name(number), pool, store.owners, settings.ownership)
        self._pool_changed = asyncio.Event()
        # The runs that are being carried, and whether to do it again after that.
        self._carrying: dict[RunId, bool] = {}
        self._background = Background()

    async def start(self) -> None:
        """Registers, then begins to carry what is there. Waits for a store that does not answer."""
        await until_done(self._tenure.begin)
        self._background.repeat(self._beat)
        self._background.repeat(self._reconcile)
        if self._number == 0:
            self._background.repeat(self._move_history)
            self._background.repeat(self._caches.tidy)

    async def stop(self) -> None:
        """Ends the background work; for tests."""
        await self._background.stop()

    async def carry(self, run: RunId) -> None:
        """Begins every command of the run that nobody has begun; the run is retired when nothing else is left.

        Does nothing for a run of another supervisor: whoever told this one was wrong, and the other looks by itself.
        A run that is being carried is carried once more after that, however often it is asked for meanwhile.
        """
        if run in self._carrying:
            self._carrying[run] = True
            return
        self._carrying[run] = True
        try:
            while self._carrying[run]:
                self._carrying[run] = False
                await self._carry_once(run)
        finally:
            del self._carrying[run]

    async def _carry_once(self, run: RunId) -> None:
        fence = await self._tenure.holds(run)
        if fence is None:
            return
        entries = await self._store.runs.outbox(run)
        fresh = [(entry, command) for entry, command in entries if entry not in self._begun[run]]
        self._begun[run].update(entry for entry, command in fresh if not isinstance(command, Retire))
        for entry, command in fresh:
            if isinstance(command, _SLOW):
                self._background.spawn(self._carry_out_slowly(run, entry, command, fence))
        quick = {entry: command for entry, command in fresh if not isinstance(command, (*_SLOW, Retire))}
        if quick and not await self._carry_out(run, quick, fence):
            return
        left = {entry: command for entry, command in entries if entry not in quick}
        if left and all(isinstance(command, Retire) for command in left.values()):
            await self._retire(run, [*left], fence)

    async def _beat(self) -> None:
        if await self._tenure.beat():
            self._pool_changed.set()
        await asyncio.sleep(self._settings.ownership.beat_s)

    async def _reconcile(self) -> None:
        self._pool_changed.clear()
        active = await self._store.runs.active()
        for run in [run for run in self._begun if run not in active and not self._tenure.mine(run)]:
            del self._begun[run]  # another one retired it
        for run in active:
            if self._tenure.mine(run):
                await self._carry_next(run)
        try:
            async with asyncio.timeout(_RECONCILE_S):
                await self._pool_changed.wait()
        except TimeoutError:
            return

    async def _move_history(self) -> None:
        """One of the pool does it: it is cheap, and nothing waits for it."""
        moved = await self._store.runs.move_finished(time.time() - self._settings.store.keep_finished_s)
        await asyncio.sleep(0 if moved else _MOVE_S)

    async def _carry_next(self, run: RunId) -> None:
        limits = self._settings.timeouts
        try:
            fence = await self._tenure.holds(run)
            if fence is None:
                return
            record = await self._store.runs.apply(
                run, lambda record: expire(record, queue_s=limits.queue_s, run_s=limits.run_s, now=time.time()), fence
            )
            await self.carry(run)
            if record.over and not await self._store.runs.outbox(run):  # listed by a commit that was then refused
                await self._retire(run, [], fence)
        except NotFound:  # listed, but never written: the orchestrator takes it off
            return
        except StaleWrite as stale:
            self._lost(run, stale)
        except InternalError:  # the others go on
            log.exception("run %s stays as it is", run)

    async def _retire(self, run: RunId, entries: list[str], fence: Fence) -> None:
        try:
            record = await self._store.runs.load(run)
            if record.over:  # otherwise it was ended and begun again, and this is what is left of that end
                await self._store.runs.retire(run, record.version, fence)
            await self._store.runs.performed(run, entries, fence)
        except StaleWrite as stale:
            self._lost(run, stale)
            return
        if record.over:
            self._begun.pop(run, None)
            self._tenure.lost(run)

    def _lost(self, run: RunId, stale: DeltaError) -> None:
        """Another one has it, or somebody was faster: in any case it is looked at again."""
        log.info("left as it is: %s", stale)
        self._tenure.lost(run)

    async def _carry_out_slowly(self, run: RunId, entry: str, command: Command, fence: Fence) -> None:
        """In the background; then there may be something new to do."""
        if await self._carry_out(run, {entry: command}, fence):
            await self.carry(run)

    async def _carry_out(self, run: RunId, commands: Mapping[str, Command], fence: Fence) -> bool:
        """Carries out these, of which equal ones are one. True when all are done."""
        done: list[str] = []
        try:
            for command in dict.fromkeys(commands.values()):
                if await self._tried(run, command, fence):
                    done += [entry for entry, each in commands.items() if each == command]
            if done:
                await self._store.runs.performed(run, done, fence)
        except (StaleWrite, InfrastructureError) as error:
            done = []
            self._lost(run, error)
        finally:  # whatever went wrong, a bug included
            self._begun[run] -= commands.keys() - set(done)
        return len(done) == len(commands)

    async def _tried(self, run: RunId, command: Command, fence: Fence) -> bool:
        try:
            await self._perform(run, command, fence)
        except StaleWrite as stale:
            self._lost(run, stale)
        except InfrastructureError as error:
            log.warning("%s of %s will be tried again: %s", command.do, run, error)
        except Exception:  # a bug: the run waits, the log says for what, and all others go on
            log.exception("%s of %s will be tried again", command.do, run)
        else:
            return True
        return False

    async def _perform(self, run: RunId, command: Command, fence: Fence) -> None:
        match command:
            case MakePlan():
                await self._plan(run, fence)
            case Enqueue(job=job, attempt=attempt):
                await self._orchestrator.offer(run, job, attempt)
            case Withdraw(attempt=attempt):
                await self._orchestrator.withdraw(attempt)
            case Analyze() | NoteFix():
                await self._tell_analyzer(run, command, fence)
            case RunProbes(job=job, attempt=attempt):
                await self._run_probes(run, job, attempt)
            case KeepCaches(job=job, attempt=attempt):
                await self._caches.keep(await self._store.runs.load(run), job, attempt)
            case Learn():
                await self._learn(run)
            case Report():
                await self._store.reports.due(run)
            case Retire():
                pass  # carry() does it, when nothing else is left

    async def _tell_analyzer(self, run: RunId, command: Analyze | NoteFix, fence: Fence) -> None:
        try:
            match command:
                case Analyze(job=job, attempt=attempt):
                    explanation = await self._analyzer.explain(run, job, attempt)
                    most = self._settings.analyzer.probed_jobs
                    await self._store.runs.apply(
                        run, lambda record: explained(record, job, attempt, explanation, time.time(), most), fence
                    )
                case NoteFix(job=job):
                    await self._analyzer.note_fix(run, job)
        except (InfrastructureError, StaleWrite):
            raise
        except DeltaError:
            # Trying again would fail again. The run goes on without it: an explanation is missing, no verdict is.
            log.exception("the analyzer cannot do %s of %s", command, run)
            if isinstance(command, Analyze):
                await self._note_probe(run, unexplained=True)

    async def _run_probes(self, run: RunId, job: JobId, attempt: AttemptId) -> None:
        """They come in like any change. Asking twice asks for the same ones; a job that goes on needs none any more."""
        record = await self._store.runs.load(run)
        if record.job(job).attempt.id == attempt:
            for change in probe_changes(record, job):
                await self._store.inbox.put(Submit(change=change), delivery=change.title)

    async def _learn(self, run: RunId) -> None:
        """What a probe has shown is for the run that it looks at; all others are for the planner.

        A probe that is still being explained is learned from once more after that.
        """
        if not await self._note_probe(run):
            await self._learn_for_plans(run)

    async def _note_probe(self, run: RunId, *, unexplained: bool = False) -> bool:
        """Has it noted what the run shows of the one that it looks at. False: it is no probe."""
        probe = (await self._store.runs.load(run)).change.probe
        if probe is not None:
            patch = await self._rewritten(run) if probe.snapshots is not None else ""
            await self._store.inbox.put(NoteProbe(run=probe.run, probe=run, unexplained=unexplained, patch=patch))
        return probe is not None

    async def _rewritten(self, probe: RunId) -> str:
        """The patch to the snapshots that a probe has written; the probe does not stay active for one that fails."""
        try:
            return await self._analyzer.rewritten(probe)
        except InfrastructureError:
            raise
        except DeltaError:
            log.exception("the analyzer cannot read what %s has written", probe)
            return ""

    async def _learn_for_plans(self, run: RunId) -> None:
        """An audit comes in like any change; the same run asks for the same one.

        Whose origin and mirror are gone is not learned from: the run must not stay active for that.
        """
        try:
            audit = await self._planner.learn(run)
        except DeltaError as error:
            tries = self._learn_tries[run] = self._learn_tries.get(run, 0) + 1
            if isinstance(error, InfrastructureError) and tries < _LEARN_TRIES:
                raise
            log.exception("the planner cannot learn from %s", run)
        else:
            if audit is not None:
                await self._store.inbox.put(Submit(change=audit), delivery=audit.title)
        self._learn_tries.pop(run, None)

    async def _plan(self, run: RunId, fence: Fence) -> None:
        change = (await self._store.runs.load(run)).change
        try:
            plan = await self._planner.plan(change)
        except DeltaError as error:
            tries = self._plan_tries[run] = self._plan_tries.get(run, 0) + 1
            if isinstance(error, InfrastructureError) and tries < _PLAN_TRIES:
                raise
            why, proposal = str(error), await self._mended(change) if isinstance(error, ChangeError) else None
            await self._store.runs.apply(run, lambda record: unplannable(record, why, time.time(), proposal), fence)
        else:
            await self._store.runs.apply(run, lambda record: planned(record, plan, time.time()), fence)
        self._plan_tries.pop(run, None)

    async def _mended(self, change: Change) -> Proposal | None:
        """What may be proposed for a change that no plan can be made of. The verdict does not wait for it for long."""
        try:
            return await self._planner.mend(change)
        except DeltaError as error:
            log.warning("nothing is proposed for %s: %s", change.run_id(), error)
            return None
