"""A control plane in one process: the real orchestrator, supervisors and store; planner, analyzer and runners by hand.

Actors are plain classes, so Ray is not needed: `Local` gives one the shape of a Ray handle. A call through it is a task
of its own, as a Ray call is, and answers whenever it is done.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from actors.handles import (
    AnalyzerHandle,
    OrchestratorHandle,
    PlannerHandle,
    RunnersHandle,
    Supervisors,
)
from actors.orchestrator.actor import Orchestrator
from actors.supervisor.actor import Supervisor
from actors.supervisor.caches import CacheKeeper
from cluster.blobs import LocalBlobs
from cluster.store.runs import RunStore
from cluster.store.store import RedisStore
from cluster.vault import Vault
from models.change import Change
from models.errors import DeltaError, InfrastructureError
from models.failure import Explanation
from models.fence import Fence
from models.grant import Grant
from models.ids import AttemptId, JobId, RunId, RunnerId
from models.inbox import Submit
from models.job import JobSpec, Resources
from models.lifecycle.decision import Decision
from models.plan import Plan
from models.proposal import Proposal
from models.run import Run
from models.settings import LeaseSettings, OwnershipSettings, Settings
from tests.unit.core.samples import change, explanation, plan, spec

SHAPE = Resources().shape
LONG_S = 3600.0


class Local:
    """An object as a Ray actor handle: `handle.method.remote(...)`. `actor` may be exchanged, as after a restart."""

    def __init__(self, actor: object) -> None:
        self.actor = actor
        self._calls: set[asyncio.Task[Any]] = set()

    def __getattr__(self, name: str) -> Any:
        return _Method(self, name)

    def call(self, name: str, *arguments: object) -> asyncio.Task[Any]:
        """Begins a call."""
        task = asyncio.get_running_loop().create_task(getattr(self.actor, name)(*arguments))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return task


class _Method:
    def __init__(self, local: Local, name: str) -> None:
        self._local, self._name = local, name

    def remote(self, *arguments: object) -> asyncio.Task[Any]:
        return self._local.call(self._name, *arguments)


class FakePlanner:
    """Plans these jobs. `errors` are raised first, one a call; `gate` holds every call up until it is set.

    `held` is why a plan waits for an approval. What it is told to learn is in `learned`; `audits` are what it answers
    then, and `learning` holds that up.
    """

    def __init__(self, *jobs: JobSpec) -> None:
        self.jobs = jobs
        self.held = ""
        self.proposal: Proposal | None = None
        self.errors: list[DeltaError] = []
        self.asked: asyncio.Queue[Change] = asyncio.Queue()
        self.gate = asyncio.Event()
        self.gate.set()
        self.learned: asyncio.Queue[RunId] = asyncio.Queue()
        self.learn_errors: list[DeltaError] = []
        self.audits: dict[RunId, Change] = {}
        self.learning = asyncio.Event()
        self.learning.set()

    async def mend(self, unreadable: Change) -> Proposal | None:
        del unreadable
        return self.proposal

    async def learn(self, run: RunId) -> Change | None:
        self.learned.put_nowait(run)
        await self.learning.wait()
        if self.learn_errors:
            raise self.learn_errors.pop(0)
        return self.audits.get(run)

    async def plan(self, wanted: Change) -> Plan:
        self.asked.put_nowait(wanted)
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        return plan(*self.jobs).having(held=self.held)


class FakeAnalyzer:
    """Explains everything in the same way; `errors` are raised first. `patch` is what a probe has written."""

    def __init__(self) -> None:
        self.errors: list[DeltaError] = []
        self.asked: list[AttemptId] = []
        self.fixes: list[JobId] = []
        self.patch = ""

    async def explain(self, run: RunId, job: JobId, attempt: AttemptId) -> Explanation:
        del run, job
        self.asked.append(attempt)
        if self.errors:
            raise self.errors.pop(0)
        return explanation()

    async def note_fix(self, run: RunId, job: JobId) -> None:
        del run
        self.fixes.append(job)

    async def rewritten(self, probe: RunId) -> str:
        del probe
        if self.errors:
            raise self.errors.pop(0)
        return self.patch


class FakeRunners:
    """Takes down what the orchestrator wants."""

    def __init__(self) -> None:
        self.wishes: list[tuple[str, int]] = []
        self.wished = asyncio.Event()
        self.at_work: list[RunnerId] = []

    async def wanted(self, resources: Resources, queued: int) -> None:
        self.wishes.append((resources.shape, queued))
        self.wished.set()

    async def taken(self, runner: RunnerId) -> None:
        self.at_work.append(runner)


class WatchedRuns(RunStore):
    """The real one. `retired` and `done` hear of each retirement and each time that commands were performed.

    `refusals` so many decisions are answered by an error and not written; `lose_answers` so many are written and
    answered by an error all the same.
    """

    def __init__(self, store: RedisStore) -> None:
        super().__init__(store.redis, store.history)
        self.retired: asyncio.Queue[RunId] = asyncio.Queue()
        self.done: asyncio.Queue[RunId] = asyncio.Queue()
        self.refusals = 0
        self.lose_answers = 0

    async def performed(self, run: RunId, entries: Sequence[str], fence: Fence | None = None) -> None:
        await super().performed(run, entries, fence)
        self.done.put_nowait(run)

    async def retire(self, run: RunId, version: int | None = None, fence: Fence | None = None) -> None:
        await super().retire(run, version, fence)
        self.retired.put_nowait(run)

    async def apply(self, run: RunId, decide: Callable[[Run], Decision | None], fence: Fence | None = None) -> Run:
        if self.refusals:
            self.refusals -= 1
            raise InfrastructureError("the store does not answer")
        written = await super().apply(run, decide, fence)
        if self.lose_answers:
            self.lose_answers -= 1
            raise InfrastructureError("the answer was lost")
        return written


class Plane:
    """One orchestrator and `settings.supervisors` supervisors over one store."""

    def __init__(
        self,
        store: RedisStore,
        *jobs: JobSpec,
        caches: Path,
        ttl_s: float = LONG_S,
        ownership: OwnershipSettings | None = None,
    ) -> None:
        self.runs = WatchedRuns(store)
        self.store = dataclasses.replace(store, runs=self.runs)
        self.vault = Vault(Path("never/read"))
        self.settings = Settings(
            supervisors=2, lease=LeaseSettings(ttl_s=ttl_s), ownership=ownership or OwnershipSettings()
        )
        self.planner = FakePlanner(*(jobs or (spec("test"),)))
        self.analyzer = FakeAnalyzer()
        self.runners = FakeRunners()
        self.caches = LocalBlobs(caches)
        self._pool = tuple(Local(None) for _ in range(self.settings.supervisors))
        self._orchestrator = Local(None)
        self.orchestrator = self.new_orchestrator("boot-1")
        self.supervisors = [self.new_supervisor(number) for number in range(self.settings.supervisors)]

    def new_orchestrator(self, session: str) -> Orchestrator:
        """Takes the place of the present one, as a restarted actor does."""
        made = Orchestrator(
            self.settings,
            self.store,
            self.vault,
            session,
            Supervisors(self._pool, self.store.owners, self.settings.ownership.ttl_s),
            RunnersHandle(Local(self.runners)),
        )
        self._orchestrator.actor = self.orchestrator = made
        return made

    def new_supervisor(self, number: int) -> Supervisor:
        """Takes the place of the present one of that number."""
        made = Supervisor(
            number,
            self.settings,
            self.store,
            OrchestratorHandle(self._orchestrator),
            PlannerHandle(Local(self.planner)),
            AnalyzerHandle(Local(self.analyzer)),
            CacheKeeper(self.store.caches, self.caches, self.settings.caches),
        )
        self._pool[number].actor = made
        return made

    async def start(self) -> None:
        """Starts everything."""
        await self.orchestrator.start()
        for supervisor in self.supervisors:
            await supervisor.start()

    async def stop(self) -> None:
        """Ends all background work."""
        await self.orchestrator.stop()
        for supervisor in self.supervisors:
            await supervisor.stop()

    async def submit(self, nonce: str = "") -> RunId:
        """A change comes in, as the API puts it there."""
        submitted = change(nonce)
        await self.store.inbox.put(Submit(change=submitted))
        return submitted.run_id()

    async def lease(self, runner: str = "runner-1") -> Grant:
        """What a runner gets; waits until there is something."""
        grant = await self.orchestrator.lease(RunnerId(runner), SHAPE, LONG_S)
        assert grant is not None
        return grant

    async def until(self, run: RunId, holds: Callable[[Run], bool]) -> Run:
        """The record as soon as `holds` says so; woken by the run's events."""
        position = "0"
        while True:
            told = await self.store.runs.events(run, after=position, block_ms=10_000)
            position = told[-1][0] if told else position
            if told and holds(record := await self.store.runs.load(run)):
                return record

    async def retired(self) -> RunId:
        """The next run that is retired."""
        return await self.runs.retired.get()


Make = Callable[..., Plane]
