"""The runner controller as Ray's actor `runners`, and what a runner is to Ray: a task that is never repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import ray

from actors.handles import PoolHandle, asked, pool_name
from actors.runner.surroundings import Surroundings
from actors.runners.actor import RunnerController
from actors.shell import Named, Starting, orchestrator_handle
from actors.site import Site
from models.ids import RunnerId
from models.job import Resources
from models.settings import Settings

RunnerBody = Callable[[RunnerId, Resources, Surroundings], None]


class RunnersActor(Starting, RunnerController):
    """`body` is what a runner's task does."""

    def __init__(self, settings: Settings, site: Site, body: RunnerBody) -> None:
        surroundings = Surroundings(
            lease=settings.lease,
            sandbox=settings.sandbox,
            log_url=site.log_url,
            docker_url=site.docker_url,
            installation=site.installation,
            mirrors=site.mirrors,
            blobs=site.blobs,
        )
        body_task = ray.remote(body)

        async def launch(runner: RunnerId, resources: Resources) -> None:
            task = body_task.options(
                name=runner,
                num_cpus=resources.cpus,
                memory=resources.memory_mb << 20,
                resources={"gvisor": 1},
                max_retries=0,
            )
            await asked(task.remote(runner, resources, surroundings))

        RunnerController.__init__(self, settings, launch, orchestrator_handle())
        self._begin(self.start())


def run_runner(runner: RunnerId, resources: Resources, surroundings: Surroundings) -> None:
    """The body of a runner's Ray task."""
    from actors.runner.task import run_one

    pool = PoolHandle(Named(pool_name(ray.get_runtime_context().get_node_id())))
    asyncio.run(run_one(runner, resources, orchestrator_handle(), pool, surroundings))
