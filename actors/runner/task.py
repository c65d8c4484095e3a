"""One runner: leases one attempt, carries it out in a sandbox, hands the result back, and is gone.

Renewing and working go side by side. When the lease is lost (cancelled, expired, or the orchestrator gave it to
somebody else) the sandbox is killed and whatever it did is void. The runner never decides what a result means.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from actors.handles import OrchestratorHandle, PoolHandle
from actors.runner.pipe import LogPipe
from actors.runner.surroundings import Surroundings
from actors.runner.usual import usual
from cluster.store.store import Store
from models.errors import ChangeError, InfrastructureError, NotFound, StaleWrite
from models.grant import Grant
from models.ids import RunnerId
from models.job import Resources
from models.logs import LogChunk, LogSource
from models.result import AttemptResult, Cause, Outcome
from models.secret import HandedOut
from sandbox.attempt import run_attempt
from sandbox.spec import SandboxSpec

log = logging.getLogger(__name__)

T = TypeVar("T")

_AGAIN_S = 0.5


async def run_one(
    runner: RunnerId,
    resources: Resources,
    orchestrator: OrchestratorHandle,
    pool: PoolHandle,
    surroundings: Surroundings,
    node: str = "",
) -> None:
    """The whole life of a runner, on that node. Returns quietly when there was nothing to do."""
    grant = await orchestrator.lease(runner, resources.shape, surroundings.lease.wait_s, node)
    if grant is None:
        return
    store = Store.connect(surroundings.log_url)
    cancelled = threading.Event()
    renewing = asyncio.create_task(_renew(grant, orchestrator, cancelled, surroundings.lease.renew_s))
    try:
        pipe = LogPipe(store.logs.append, grant.attempt, cancelled.is_set)
        await _Work(grant, orchestrator, pool, pipe, cancelled, surroundings).carry_out()
    finally:
        renewing.cancel()
        await store.close()


async def _renew(grant: Grant, orchestrator: OrchestratorHandle, cancelled: threading.Event, every_s: float) -> None:
    """Renews until told to stop. A call that fails is made again until the term, counted from sending, is over."""
    good_until = time.monotonic() + grant.ttl_s
    while time.monotonic() < good_until:
        sent = time.monotonic()
        try:
            if not await asyncio.wait_for(orchestrator.renew(grant.attempt, grant.token, every_s), every_s * 2):
                break
            good_until = sent + grant.ttl_s
        except (TimeoutError, InfrastructureError) as error:
            log.warning("could not renew %s: %s", grant.attempt, error)
            await asyncio.sleep(min(1.0, every_s))
    cancelled.set()


class _Work:
    """One grant being carried out. The attempt runs in a thread; what it asks of the loop, it asks through here."""

    def __init__(
        self,
        grant: Grant,
        orchestrator: OrchestratorHandle,
        pool: PoolHandle,
        pipe: LogPipe,
        cancelled: threading.Event,
        around: Surroundings,
    ) -> None:
        self._grant = grant
        self._orchestrator = orchestrator
        self._pool = pool
        self._pipe = pipe
        self._cancelled = cancelled
        self._around = around
        self._loop = asyncio.get_running_loop()
        self._begun: Future[None] | None = None

    async def carry_out(self) -> None:
        """Everything from grant to result. The sandbox is gone when this returns, however it does."""
        try:
            secrets = await self._secrets()
            await asyncio.to_thread(self._attempt, secrets)
        except (ChangeError, NotFound) as error:
            await self._could_not(Cause.REFUSED, str(error))
        except StaleWrite as stale:
            log.info("%s is not carried out: %s", self._grant.attempt, stale)
        except InfrastructureError as error:
            await self._could_not(Cause.SANDBOX, str(error))

    async def _secrets(self) -> HandedOut:
        """What the job is given. Nobody is asked for nothing."""
        grant = self._grant
        if not grant.spec.secrets:
            return HandedOut()
        return await self._orchestrator.secrets(grant.attempt, grant.token)

    def _attempt(self, secrets: HandedOut) -> None:
        grant = self._grant
        supplies = replace(
            usual(self._around, grant.spec, grant.change, grant.restore, self._pipe.put, self._cancelled),
            claim=self._claim,
            on_ready=self._ready,
            secrets=secrets.values,
            report=lambda result: self._ask(self._report(result)).result(),
        )
        run_attempt(grant.spec, grant.attempt, supplies)

    def _claim(self, spec: SandboxSpec) -> str | None:
        try:
            return self._ask(self._pool.take(spec, self._grant.attempt)).result()
        except InfrastructureError as error:
            log.info("a cold start: %s", error)
            return None

    def _ready(self) -> None:
        """Tell the orchestrator, and go on: where the lease has been lost, what the job does is void."""
        self._begun = self._ask(self._begin())

    async def _begin(self) -> None:
        if not await self._insist(lambda: self._orchestrator.begin(self._grant)):
            self._cancelled.set()

    async def _report(self, result: AttemptResult) -> None:
        """Hand the result in, after everything that must be known before it."""
        if self._begun is not None:
            await asyncio.wrap_future(self._begun)
        try:
            await self._pipe.flush()
        except InfrastructureError as error:
            result = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.SANDBOX, detail=str(error))
        final = result
        if not await self._insist(lambda: self._orchestrator.finish(self._grant, final)):
            log.info("the result of %s is void: its lease was lost", self._grant.attempt)

    async def _could_not(self, cause: Cause, detail: str) -> None:
        told = LogChunk(at=time.time(), source=LogSource.DELTA, step=0, text=f"{detail}\n")
        with suppress(InfrastructureError):  # then the result says it
            await self._pipe.append([told])
        await self._report(AttemptResult(outcome=Outcome.ERRORED, cause=cause, detail=detail))

    async def _insist(self, call: Callable[[], Awaitable[bool]]) -> bool:
        """Calls again and again for as long as the lease holds: the work is done, only the answer is not."""
        while True:
            try:
                return await call()
            except InfrastructureError as error:
                if self._cancelled.is_set():
                    raise
                log.warning("the orchestrator was not told of %s: %s", self._grant.attempt, error)
                await asyncio.sleep(_AGAIN_S)

    def _ask(self, question: Coroutine[None, None, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(question, self._loop)
