"""A node's pool of warm sandboxes, as an actor: hands them out, and makes new ones while the node has little to do.

Without it, or while it is started anew, jobs start cold.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import psutil

from actors.background import Background, until_done
from actors.handles import OrchestratorHandle
from cluster.images.catalog import resolve
from models.ids import AttemptId, JobId
from models.job import JobSpec
from models.settings import SandboxSettings
from sandbox.pool import WarmPool
from sandbox.spec import SandboxSpec, sandbox_spec

log = logging.getLogger(__name__)

# Making one takes half a second of a core. Right after a take, the job that took it needs the cores itself.
QUIET_S = 0.25
BUSY_PERCENT = 60.0
PATIENCE_S = 1.0  # one that is made will be used: a node that is always busy gains nothing by waiting
# How often demand that has faded is noticed.
LOOK_S = 30.0
SWEEP_S = 3.0

# Removes the sandboxes of attempts for which it is told no, and returns those.
Sweep = Callable[[Callable[[AttemptId], bool]], list[AttemptId]]


def usual_spec(settings: SandboxSettings, installation: str) -> SandboxSpec:
    """The sandbox of a job that asks for nothing in particular."""
    job = JobSpec(id=JobId("usual"), run=())
    return sandbox_spec(job, image=resolve(job.image), installation=installation, settings=settings)


class SandboxPool:
    """One per node. `usual` is what the first job will probably ask for; `sweep` removes what dead runners left."""

    def __init__(self, pool: WarmPool, usual: SandboxSpec, sweep: Sweep, orchestrator: OrchestratorHandle) -> None:
        self._pool = pool
        self._usual = usual
        self._sweep = sweep
        self._orchestrator = orchestrator
        self._asked = asyncio.Event()
        self._background = Background()

    async def start(self) -> None:
        """Removes what an earlier pool has left, then begins to fill this one."""
        await until_done(lambda: asyncio.to_thread(self._pool.remove_leftovers))
        self._pool.expect(self._usual)
        self._background.repeat(self._tend)
        self._background.repeat(self._clear_up)

    async def stop(self) -> None:
        """Ends the background work and removes all that wait."""
        await self._background.stop()
        await asyncio.to_thread(self._pool.close)

    async def take(self, spec: SandboxSpec, attempt: AttemptId) -> str | None:
        """The id of a sandbox that now belongs to the attempt; None: make one."""
        taken = await asyncio.to_thread(self._pool.take, spec, attempt)
        self._asked.set()
        return taken

    async def _clear_up(self) -> None:
        """Removes the sandboxes of attempts that nobody holds: their runners are gone, or about to remove them."""
        loop = asyncio.get_running_loop()

        def held(attempt: AttemptId) -> bool:
            return asyncio.run_coroutine_threadsafe(self._orchestrator.holds(attempt), loop).result()

        await asyncio.sleep(SWEEP_S)
        for attempt in await asyncio.to_thread(self._sweep, held):
            log.warning("removed the sandbox of %s, which nobody held any more", attempt)

    async def _tend(self) -> None:
        self._asked.clear()  # before looking: what is asked for meanwhile is looked at again
        while await asyncio.to_thread(self._pool.tend):
            await _quiet()
        try:
            await asyncio.wait_for(self._asked.wait(), LOOK_S)
        except TimeoutError:
            return
        await _quiet()


async def _quiet() -> None:
    """Waits until the node has cores to spare, at most `PATIENCE_S` seconds."""
    psutil.cpu_percent()  # from now on
    for _ in range(round(PATIENCE_S / QUIET_S)):
        await asyncio.sleep(QUIET_S)
        if psutil.cpu_percent() < BUSY_PERCENT:
            return
