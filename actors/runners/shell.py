"""The runner controller as Ray's actor `runners`, and what a runner is to Ray: a task that is never repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.handles import PoolHandle, asked, pool_name
from actors.pool.shell import SandboxPoolActor
from actors.runner.surroundings import Surroundings
from actors.runners.actor import RunnerController
from actors.shell import OPTIONS, Named, Starting, living_nodes, orchestrator_handle
from actors.site import Site
from models.ids import RunnerId
from models.job import Footprint, Resources
from models.labels import asked_for
from models.settings import Settings
from models.terminal import TerminalGrant

_LOOK_FOR_NODES_S = 5.0

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
            doors=site.doors,
            blobs=site.blobs,
            caches=site.caches,
        )
        body_task = ray.remote(body)

        async def launch(runner: RunnerId, resources: Resources) -> None:
            task = body_task.options(name=runner, **_place(resources))
            await asked(task.remote(runner, resources, surroundings))

        async def launch_terminal(grant: TerminalGrant) -> str:
            # Not by its session: Ray shows names, and whoever knows a session may type.
            task = ray.remote(run_terminal).options(name="terminal", **_place(grant.spec.footprint))
            return str(await asked(task.remote(grant, surroundings)))

        RunnerController.__init__(self, settings, launch, launch_terminal, orchestrator_handle())
        self._site = site
        self._pooled: set[str] = set()
        self._begin(self.start())
        if site.lasting and settings.sandbox.warm_total and settings.sandbox.warm_per_shape:
            self._background.repeat(self._warm)

    async def _warm(self) -> None:
        """Starts a pool of warm sandboxes on every node that has none: nodes come when there is work, and go.

        Not before the orchestrator works: what all jobs need comes first.
        """
        if not self._pooled:
            await self._orchestrator.queued(Resources().shape)
        nodes = await asyncio.to_thread(living_nodes)
        alive = {node for node, has in nodes.items() if "gvisor" in has}
        for node in alive - self._pooled:
            options = {
                **OPTIONS,
                "name": pool_name(node),
                "max_task_retries": 0,  # a job does not wait until it is there again: it starts cold
                "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False),
            }
            pool = ray.remote(SandboxPoolActor).options(**options)
            pool.remote(self._settings.sandbox, self._site.docker_url, self._site.installation, doors=self._site.doors)
        self._pooled = alive
        await asyncio.sleep(_LOOK_FOR_NODES_S)


def _place(resources: Resources) -> dict[str, Any]:
    """What a task takes of its node, for as long as it lives. A task that is lost is never repeated."""
    node = resources.node if isinstance(resources, Footprint) else ""
    return {
        **({"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)} if node else {}),
        "num_cpus": resources.cpus,
        "memory": resources.memory_mb << 20,
        "resources": {"gvisor": 1, **asked_for(resources.labels)},
        "max_retries": 0,
    }


def run_terminal(grant: TerminalGrant, surroundings: Surroundings) -> str:
    """The body of a terminal's Ray task."""
    from actors.runner import terminal

    return asyncio.run(terminal.run_terminal(grant, orchestrator_handle(), surroundings))


def run_runner(runner: RunnerId, resources: Resources, surroundings: Surroundings) -> None:
    """The body of a runner's Ray task."""
    from actors.runner.task import run_one

    node = ray.get_runtime_context().get_node_id()
    pool = PoolHandle(Named(pool_name(node)))
    asyncio.run(run_one(runner, resources, orchestrator_handle(), pool, surroundings, node))
