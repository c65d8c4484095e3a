"""The orchestrator: the authority over queue and leases.

What it holds in memory is an index of the store and rebuilt from it at each start. It waits for runners and never asks
them anything. When it fails, Ray starts it anew; runners and supervisors simply call again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from actors.background import Background, until_done
from actors.handles import RunnersHandle, Supervisors
from actors.orchestrator.caches import restorable
from actors.orchestrator.groups import Admission, Groups
from actors.orchestrator.idle import IdleRunners
from actors.orchestrator.intake import Intake
from actors.orchestrator.leases import HeldLease, LeaseTable
from actors.orchestrator.queue import Offer, Queue
from actors.orchestrator.secrets import handed_out
from actors.orchestrator.terminals import Terminals
from cluster.store.store import Store
from cluster.vault import Vault
from models.errors import InfrastructureError, InternalError, NotFound, StaleWrite
from models.grant import Grant
from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId, new_token
from models.job import Footprint
from models.lifecycle.attempts import LONGEST_DELAY_S, finish, give_back, lease, lose, start
from models.lifecycle.decision import Decision
from models.lifecycle.turn_away import turn_away
from models.machines import AttemptState, LeaseState
from models.result import AttemptResult
from models.run import Attempt, Job, Run
from models.secret import HandedOut
from models.settings import Settings
from models.terminal import Typed

log = logging.getLogger(__name__)

_REMIND_S = 5.0
_COMPARE_S = 30.0

Decide = Callable[[Run], Decision | None]


class Orchestrator:
    """One per cluster. `session` names the cluster's boot: leases of an earlier one died with it."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        vault: Vault,
        session: str,
        supervisors: Supervisors,
        runners: RunnersHandle,
    ) -> None:
        self._settings = settings
        self._store = store
        self._vault = vault
        self._session = session
        self._supervisors = supervisors
        self._runners = runners
        self._queue = Queue()
        self._groups = Groups()
        self._postponed: set[AttemptId] = set()
        self._leases = LeaseTable(settings.lease.ttl_s, self._expired)
        self._idle = IdleRunners()
        self._rebuilt = asyncio.Event()
        self._background = Background()
        self._terminals = Terminals(store, runners)
        self._intake = Intake(store, supervisors, self._terminals)
        self._shapes: dict[str, Footprint] = {}

    async def start(self) -> None:
        """Rebuilds the index from the store, then begins to take messages. Waits for a store that does not answer.

        Until then every call waits: a runner that renews its lease while the index is empty must not be told to stop.
        """
        await until_done(self._rebuild)
        self._rebuilt.set()
        self._background.repeat(self._intake.take)
        self._background.repeat(self._remind)
        self._background.repeat(self._compare)

    async def stop(self) -> None:
        """Ends the background work; for tests, as Ray simply kills an actor."""
        await self._background.stop()

    # What supervisors say.

    async def offer(self, run_id: RunId, job_id: JobId, attempt_id: AttemptId) -> None:
        """An attempt may be taken by runners. Offering it twice, or when it is not queued any more, changes nothing."""
        await self._rebuilt.wait()
        await self._offer(run_id, job_id, attempt_id)

    async def withdraw(self, attempt_id: AttemptId) -> None:
        """An attempt was cancelled: out of the queue, and its runner is told at once."""
        await self._rebuilt.wait()
        self._queue.withdraw(attempt_id)
        held = self._leases.of_attempt(attempt_id)
        if held is not None:
            held.revoked.set()
            self._drop(attempt_id)
        self._leave_group(attempt_id)

    # What runners say.

    async def lease(self, runner: RunnerId, shape: str, wait_s: float, node: str = "") -> Grant | None:
        """The next attempt of this shape, or None when none came within `wait_s`. A runner gets one, however often.

        `node` is Ray's id of the node that it is on.
        """
        await self._rebuilt.wait()
        held = self._leases.of_runner(runner)
        if held is not None:
            return await self._grant(held, await self._store.runs.load(held.run))
        deadline = time.monotonic() + wait_s
        while True:
            while (offer := self._queue.take(shape)) is not None:
                grant = await self._hand_out(offer, runner, node)
                if grant is not None:
                    return grant
            if not await self._idle.work_comes(runner, shape, deadline - time.monotonic()):
                return None

    async def queued(self, shape: str) -> int:
        """How many attempts wait for a runner of this shape."""
        await self._rebuilt.wait()
        return self._queue.depth(shape)

    async def holds(self, attempt: AttemptId) -> bool:
        """Whether a lease is held on this attempt, or a terminal: otherwise nothing of it may be left on any node."""
        await self._rebuilt.wait()
        return self._leases.of_attempt(attempt) is not None or self._terminals.holds(attempt)

    async def typed(self, session: AttemptId, after: str) -> tuple[str, list[Typed]] | None:
        """What was typed into a terminal after `after`, once there is something; None: it is to end."""
        return await self._terminals.typed(session, after)

    async def terminal_over(self, session: AttemptId, why: str) -> None:
        """The runner of a terminal has ended."""
        await self._terminals.over(session, why)

    async def secrets(self, attempt: AttemptId, token: LeaseToken) -> HandedOut:
        """The values of the secrets that the job of this lease is due. Raises `StaleWrite` when it no longer holds."""
        await self._rebuilt.wait()
        held = self._leases.find(attempt, token)
        if held is None:
            raise StaleWrite(f"the lease on {attempt} is no longer held by this token")
        run = await self._store.runs.load(held.run)
        return await handed_out(self._store, self._vault, run.job(held.job).spec, run.change)

    async def begin(self, held: Grant) -> bool:
        """The sandbox is ready. False: the lease no longer holds, stop."""
        return await self._on_lease(
            held, lambda run: start(run, held.job, held.attempt, token=held.token, now=time.time())
        )

    async def renew(self, attempt: AttemptId, token: LeaseToken, wait_s: float) -> bool:
        """Extends a lease and stays up to `wait_s`, so that a cancellation reaches the runner at once. False: stop."""
        await self._rebuilt.wait()
        found = self._leases.find(attempt, token)
        if found is None:
            return False
        self._leases.renew(found)
        try:
            await asyncio.wait_for(found.revoked.wait(), wait_s)
        except TimeoutError:
            return True
        return False

    async def finish(self, held: Grant, result: AttemptResult) -> bool:
        """The result of a leased attempt. True once it is durable; False when the lease no longer held: it is void."""
        await self._rebuilt.wait()
        accepted = await self._on_lease(
            held, lambda run: finish(run, held.job, held.attempt, token=held.token, result=result, now=time.time())
        )
        if self._leases.find(held.attempt, held.token) is not None:
            self._drop(held.attempt)
        return accepted

    async def give_back(self, held: Grant) -> bool:
        """The runner cannot begin the attempt (it is being shut down): somebody else takes it."""
        await self._rebuilt.wait()
        accepted = await self._on_lease(
            held, lambda run: give_back(run, held.job, held.attempt, token=held.token, now=time.time())
        )
        if self._leases.find(held.attempt, held.token) is not None:
            self._drop(held.attempt)
        return accepted

    async def runner_lost(self, runner: RunnerId, why: str) -> None:
        """Ray says that a runner's process or node is gone."""
        await self._rebuilt.wait()
        self._idle.gone(runner)
        held = self._leases.of_runner(runner)
        if held is not None:
            await self._lose(held, why)

    # Inside.

    async def _remind(self) -> None:
        """Tells the runner controller again what is wanted: it may have been started anew and know nothing."""
        for shape in [*self._shapes]:
            self._want(shape)
        await asyncio.sleep(_REMIND_S)

    async def _compare(self) -> None:
        """Compares the index with the store: what an error or a lost call kept out of it comes back here."""
        await asyncio.sleep(_COMPARE_S)
        await self._rebuild()

    async def _rebuild(self) -> None:
        """Leases first: what runs has its place in a group before anything that waits is let in. Oldest runs first."""
        found = [run for run_id in await self._store.runs.active() if (run := await self._found(run_id)) is not None]
        runs = sorted(found, key=lambda run: run.created_at)
        for run in runs:
            for job in run.jobs:
                if job.attempts and not job.attempt.over and job.attempt.state is not AttemptState.QUEUED:
                    self._resume_lease(run, job, job.attempt)
        for run in runs:
            for job in run.jobs:
                if job.attempts and job.attempt.state is AttemptState.QUEUED:
                    await self._enqueue(run, job)
            self._supervisors.carry(run.id)

    async def _found(self, run_id: RunId) -> Run | None:
        try:
            return await self._store.runs.load(run_id)
        except NotFound:  # listed just before a crash that kept it from being written
            await self._store.runs.retire(run_id)
        except InternalError:  # the others go on
            log.exception("run %s stays as it is", run_id)
        return None

    def _resume_lease(self, run: Run, job: Job, attempt: Attempt) -> None:
        lease = attempt.lease
        if self._leases.of_attempt(attempt.id) is not None or lease is None or lease.state is not LeaseState.HELD:
            return
        held = HeldLease(run.id, job.id, attempt.id, lease.token, lease.runner)
        self._groups.occupy(_offer(run, job))
        self._leases.hold(held)
        if lease.session != self._session:
            self._background.spawn(self._lose(held, "the cluster was restarted"))

    async def _offer(self, run_id: RunId, job_id: JobId, attempt_id: AttemptId, *, waited: bool = False) -> None:
        run = await self._store.runs.load(run_id)
        job = run.job(job_id)
        if job.attempt.id == attempt_id and job.attempt.state is AttemptState.QUEUED:
            await self._enqueue(run, job, waited=waited)

    async def _enqueue(self, run: Run, job: Job, *, waited: bool = False) -> None:
        offer = _offer(run, job)
        self._shapes[offer.shape] = job.spec.footprint
        wait_s = min(job.attempt.not_before - time.time(), LONGEST_DELAY_S)  # a clock that was set back adds nothing
        if wait_s > 0 and not waited:
            self._postpone(offer, wait_s)
            return
        admission = self._groups.admit(offer)
        if admission is Admission.ADMITTED:
            self._line_up(offer)
        elif admission is Admission.TURNED_AWAY and job.spec.concurrency is not None:
            why = f"another job of the group {job.spec.concurrency.group!r} has its place, and this one does not wait"
            await self._store.runs.apply(
                run.id, lambda record: turn_away(record, job.id, offer.attempt, why, time.time())
            )
            self._supervisors.carry(run.id)

    def _postpone(self, offer: Offer, wait_s: float) -> None:
        """Offers a retry once its time has come. Known by its attempt, so that a second offer adds no second timer."""
        if offer.attempt not in self._postponed:
            self._postponed.add(offer.attempt)
            self._background.spawn(self._offer_later(offer, wait_s))

    async def _offer_later(self, offer: Offer, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._postponed.discard(offer.attempt)
        await self._offer(offer.run, offer.job, offer.attempt, waited=True)

    def _line_up(self, offer: Offer) -> None:
        if self._leases.of_attempt(offer.attempt) is None and self._queue.put(offer):
            self._idle.ring(offer.shape)
            self._want(offer.shape)

    def _want(self, shape: str) -> None:
        """Tells how many runners of a shape are wanted. What must run on one node comes after all that is awaited: it
        has a queue of its own, in which no priority puts it behind others.
        """
        resources, depth = self._shapes[shape], self._queue.depth(shape)
        if depth and not (resources.node and self._queue.awaited):
            self._runners.wanted(resources, depth)

    def _drop(self, attempt: AttemptId) -> None:
        """The lease is over, and with it the attempt's place in its group."""
        self._leases.drop(attempt)
        self._leave_group(attempt)

    def _leave_group(self, attempt: AttemptId) -> None:
        for offer in self._groups.leave(attempt):
            self._line_up(offer)

    async def _hand_out(self, offer: Offer, runner: RunnerId, node: str) -> Grant | None:
        held = HeldLease(offer.run, offer.job, offer.attempt, new_token(), runner)
        try:
            run = await self._store.runs.apply(
                offer.run,
                lambda run: lease(
                    run,
                    held.job,
                    held.attempt,
                    token=held.token,
                    runner=runner,
                    session=self._session,
                    now=time.time(),
                    node=node,
                ),
            )
        except StaleWrite as stale:
            log.info("not handed out: %s", stale)
            self._leave_group(offer.attempt)
            return None
        except InfrastructureError:
            # Whether it was written is not known. If it was, `_compare` finds a lease that nobody renews.
            self._queue.put(offer)
            raise
        self._leases.hold(held)
        self._runners.taken(runner)
        return await self._grant(held, run)

    async def _grant(self, held: HeldLease, run: Run) -> Grant:
        spec = run.job(held.job).spec
        return Grant(
            run=held.run,
            job=held.job,
            attempt=held.attempt,
            token=held.token,
            ttl_s=self._settings.lease.ttl_s,
            spec=spec,
            change=run.change,
            restore=await restorable(self._store.caches, spec.caches, run.change, time.time()),
        )

    async def _on_lease(self, held: Grant, decide: Decide) -> bool:
        try:
            await self._store.runs.apply(held.run, decide)
        except StaleWrite as stale:
            log.info("refused: %s", stale)
            return False
        self._supervisors.carry(held.run)
        return True

    def _expired(self, held: HeldLease) -> None:
        self._background.spawn(self._lose(held, f"silent for {self._settings.lease.ttl_s:g} s"))

    async def _lose(self, held: HeldLease, why: str) -> None:
        held.revoked.set()
        self._drop(held.attempt)
        try:
            await self._store.runs.apply(
                held.run, lambda run: lose(run, held.job, held.attempt, token=held.token, why=why, now=time.time())
            )
        except InfrastructureError:
            self._leases.hold(held)  # comes back here after another term
            raise
        self._supervisors.carry(held.run)


def _offer(run: Run, job: Job) -> Offer:
    return Offer(
        run_created_at=run.created_at,
        queued_at=job.attempt.queued_at,
        attempt=job.attempt.id,
        run=run.id,
        job=job.id,
        shape=job.spec.footprint.shape,
        repository=run.change.repository,
        priority=run.change.priority,
        concurrency=job.spec.concurrency,
    )
