"""A runner without a sandbox: it leases, says it began, writes a line, and says it passed. All else is real."""

from __future__ import annotations

import asyncio
import time

from actors.runner.surroundings import Surroundings
from actors.shell import orchestrator_handle
from cluster.store.store import Store
from models.ids import RunnerId
from models.job import Resources
from models.logs import LogChunk, LogSource
from models.result import AttemptResult, Outcome


def body(runner: RunnerId, resources: Resources, surroundings: Surroundings) -> None:
    """The body of a runner's Ray task."""
    asyncio.run(_run(runner, resources, surroundings))


async def _run(runner: RunnerId, resources: Resources, surroundings: Surroundings) -> None:
    orchestrator = orchestrator_handle()
    grant = await orchestrator.lease(runner, resources.shape, surroundings.lease.wait_s)
    if grant is None:
        return
    store = Store.connect(surroundings.log_url)
    try:
        await orchestrator.begin(grant)
        line = LogChunk(at=time.time(), source=LogSource.JOB, step=0, text="nothing was done\n")
        await store.logs.append(grant.attempt, [line])
        await orchestrator.finish(grant, AttemptResult(outcome=Outcome.PASSED, exit_code=0))
    finally:
        await store.close()
