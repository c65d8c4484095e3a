"""The orchestrator: the authority over queue and leases.

What it holds in memory is an index of the store and rebuilt from it at each start. It waits for runners and never asks
them anything. When it fails, Ray starts it anew; runners and supervisors simply call again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable

from actors.background import Background, until_done
from actors.handles import RunnersHandle, Supervisors
from actors.orchestrator.leases import HeldLease, LeaseTable
from actors.orchestrator.queue import Offer, Queue
from cluster.store.store import Store
from models.errors import CallerError, InfrastructureError, InternalError, NotFound, StaleWrite
from models.grant import Grant
from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId, new_token
from models.inbox import Cancel, Message, Submit
from models.lifecycle.attempts import finish, lease, lose, start
from models.lifecycle.cancel import cancel
from models.lifecycle.create import create
from models.lifecycle.decision import Decision
from models.machines import AttemptState, LeaseState
from models.plan import Resources
from models.result import AttemptResult
from models.run import Attempt, Job, Run
from models.settings import Settings

log = logging.getLogger(__name__)

_INBOX_BLOCK_MS = 10_000
_REMIND_S = 5.0
_COMPARE_S = 30.0

Decide = Callable[[Run], Decision | None]


class Orchestrator:
    """One per cluster. `session` names the cluster's boot: leases of an earlier one died with it."""

    def __init__(
        self, settings: Settings, store: Store, session: str, supervisors: Supervisors, runners: RunnersHandle
    ) -> None:
        self._settings = settings
        self._store = store
        self._session = session
        self._supervisors = supervisors
        self._runners = runners
        self._queue = Queue()
        self._leases = LeaseTable(settings.lease.ttl_s, self._expired)
        # By shape, the runners that wait for work, longest first. A bell says True for work, False for "you are gone".
        self._idle: dict[str, dict[RunnerId, asyncio.Future[bool]]] = defaultdict(dict)
        self._rebuilt = asyncio.Event()
        self._background = Background()
        self._inbox_position = "0"
        self._shapes: dict[str, Resources] = {}

    async def start(self) -> None:
        """Rebuilds the index from the store, then begins to take messages. Waits for a store that does not answer.

        Until then every call waits: a runner that renews its lease while the index is empty must not be told to stop.
        """
        await until_done(self._rebuild)
        self._rebuilt.set()
        self._background.repeat(self._take_messages)
        self._background.repeat(self._remind)
        self._background.repeat(self._compare)

    async def stop(self) -> None:
        """Ends the background work; for tests, as Ray simply kills an actor."""
        await self._background.stop()

    # What supervisors say.

    async def offer(self, run_id: RunId, job_id: JobId, attempt_id: AttemptId) -> None:
        """An attempt may be taken by runners. Offering it twice, or when it is not queued any more, changes nothing."""
        await self._rebuilt.wait()
        run = await self._store.runs.load(run_id)
        job = run.job(job_id)
        if job.attempt.id == attempt_id and job.attempt.state is AttemptState.QUEUED:
            self._enqueue(run, job)

    async def withdraw(self, attempt_id: AttemptId) -> None:
        """An attempt was cancelled: out of the queue, and its runner is told at once."""
        await self._rebuilt.wait()
        self._queue.withdraw(attempt_id)
        held = self._leases.of_attempt(attempt_id)
        if held is not None:
            held.revoked.set()
            self._leases.drop(attempt_id)

    # What runners say.

    async def lease(self, runner: RunnerId, shape: str, wait_s: float) -> Grant | None:
        """The next attempt of this shape, or None when none came within `wait_s`. A runner gets one, however often."""
        await self._rebuilt.wait()
        held = self._leases.of_runner(runner)
        if held is not None:
            return self._grant(held, await self._store.runs.load(held.run))
        deadline = time.monotonic() + wait_s
        while True:
            while (offer := self._queue.take(shape)) is not None:
                grant = await self._hand_out(offer, runner)
                if grant is not None:
                    return grant
            if not await self._work_comes(runner, shape, deadline - time.monotonic()):
                return None

    async def queued(self, shape: str) -> int:
        """How many attempts wait for a runner of this shape."""
        await self._rebuilt.wait()
        return self._queue.depth(shape)

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
            self._leases.drop(held.attempt)
        return accepted

    async def runner_lost(self, runner: RunnerId, why: str) -> None:
        """Ray says that a runner's process or node is gone."""
        await self._rebuilt.wait()
        for waiting in self._idle.values():
            bell = waiting.pop(runner, None)
            if bell is not None and not bell.done():
                bell.set_result(False)
        held = self._leases.of_runner(runner)
        if held is not None:
            await self._lose(held, why)

    # Inside.

    async def _take_messages(self) -> None:
        entries = await self._store.inbox.take(self._inbox_position, block_ms=_INBOX_BLOCK_MS)
        for entry, message in entries:
            try:
                await self._act_on(message)
            except CallerError as error:
                log.warning("a message asked for what cannot be: %s", error)
            except InternalError:  # it would fail again, and nothing after it would ever be taken
                log.exception("a message could not be acted on: %s", message.model_dump_json())
            await self._store.inbox.done(entry)
            self._inbox_position = entry

    async def _remind(self) -> None:
        """Tells the runner controller again what is wanted: it may have been started anew and know nothing."""
        for resources in self._shapes.values():
            if depth := self._queue.depth(resources.shape):
                self._runners.wanted(resources, depth)
        await asyncio.sleep(_REMIND_S)

    async def _compare(self) -> None:
        """Compares the index with the store: what an error or a lost call kept out of it comes back here."""
        await asyncio.sleep(_COMPARE_S)
        await self._rebuild()

    async def _rebuild(self) -> None:
        for run_id in await self._store.runs.active():
            await self._resume(run_id)

    async def _act_on(self, message: Message) -> None:
        match message:
            case Submit(change=change):
                try:
                    await self._store.runs.commit(create(change, time.time()))
                except StaleWrite:
                    log.info("run %s exists: a duplicate of its event", change.run_id())
                self._supervisors.carry(change.run_id())
            case Cancel(run=run_id, by=by):
                await self._store.runs.apply(run_id, lambda run: cancel(run, by, time.time()))
                self._supervisors.carry(run_id)

    async def _resume(self, run_id: RunId) -> None:
        try:
            run = await self._store.runs.load(run_id)
        except NotFound:  # listed just before a crash that kept it from being written
            await self._store.runs.retire(run_id)
            return
        except InternalError:  # the others go on
            log.exception("run %s stays as it is", run_id)
            return
        for job in run.jobs:
            if job.attempts and not job.over:
                self._resume_attempt(run, job, job.attempt)
        self._supervisors.carry(run_id)

    def _resume_attempt(self, run: Run, job: Job, attempt: Attempt) -> None:
        if attempt.state is AttemptState.QUEUED:
            self._enqueue(run, job)
        elif self._leases.of_attempt(attempt.id) is not None:
            return
        elif attempt.lease is not None and attempt.lease.state is LeaseState.HELD:
            held = HeldLease(run.id, job.id, attempt.id, attempt.lease.token, attempt.lease.runner)
            self._leases.hold(held)
            if attempt.lease.session != self._session:
                self._background.spawn(self._lose(held, "the cluster was restarted"))

    def _enqueue(self, run: Run, job: Job) -> None:
        shape = job.spec.resources.shape
        offer = Offer(run.created_at, job.attempt.queued_at, job.attempt.id, run.id, job.id, shape)
        self._shapes[shape] = job.spec.resources
        if self._queue.put(offer):
            self._ring(shape)
            self._runners.wanted(job.spec.resources, self._queue.depth(shape))

    def _ring(self, shape: str) -> None:
        waiting = self._idle[shape]
        while waiting:
            bell = waiting.pop(next(iter(waiting)))
            if not bell.done():
                bell.set_result(True)
                return

    async def _work_comes(self, runner: RunnerId, shape: str, wait_s: float) -> bool:
        if wait_s <= 0:
            return False
        bell: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        waiting = self._idle[shape]
        waiting[runner] = bell
        try:
            return await asyncio.wait_for(bell, wait_s)
        except TimeoutError:
            return False
        finally:
            if waiting.get(runner) is bell:
                del waiting[runner]

    async def _hand_out(self, offer: Offer, runner: RunnerId) -> Grant | None:
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
                ),
            )
        except StaleWrite as stale:
            log.info("not handed out: %s", stale)
            return None
        except InfrastructureError:
            # Whether it was written is not known. If it was, `_compare` finds a lease that nobody renews.
            self._queue.put(offer)
            raise
        self._leases.hold(held)
        self._runners.taken(runner)
        return self._grant(held, run)

    def _grant(self, held: HeldLease, run: Run) -> Grant:
        return Grant(
            run=held.run,
            job=held.job,
            attempt=held.attempt,
            token=held.token,
            ttl_s=self._settings.lease.ttl_s,
            spec=run.job(held.job).spec,
            change=run.change,
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
        self._leases.drop(held.attempt)
        try:
            await self._store.runs.apply(
                held.run, lambda run: lose(run, held.job, held.attempt, token=held.token, why=why, now=time.time())
            )
        except InfrastructureError:
            self._leases.hold(held)  # comes back here after another term
            raise
        self._supervisors.carry(held.run)
