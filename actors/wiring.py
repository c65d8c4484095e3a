"""The composition root: plain classes become named Ray actors, and are given each other.

The only module that knows how Delta maps to Ray. Actors are detached, restart for ever, and find each other by name
when they first speak.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors import handles
from actors.analyzer.actor import Analyzer
from actors.analyzer.memory import Memory
from actors.handles import (
    AnalyzerHandle,
    OrchestratorHandle,
    PlannerHandle,
    PoolHandle,
    RunnersHandle,
    Supervisors,
    asked,
    pool_name,
    supervisor_name,
)
from actors.orchestrator.actor import Orchestrator
from actors.planner.actor import Planner
from actors.pool.actor import SandboxPool, usual_spec
from actors.reporter.actor import Reporter
from actors.reporter.forge import Forge as ForgeAdapter
from actors.reporter.github import connect as connect_github
from actors.runner.task import Surroundings
from actors.runners.actor import RunnerController
from actors.site import Site
from actors.supervisor.actor import Supervisor
from models.change import Forge
from models.embedding.encoder import Encoder
from models.errors import InfrastructureError
from models.ids import RunnerId
from models.plan import Resources
from models.run import Run
from models.settings import SandboxSettings, Settings
from sandbox.pool import WarmPool
from sandbox.source.mirror import Mirrors
from sandbox.stock import Bounds
from sandbox.sweep import sweep

RunnerBody = Callable[[RunnerId, Resources, Surroundings], None]

# A call that reaches an actor while it restarts waits for it. Every method can be called twice.
_OPTIONS: dict[str, Any] = {
    "namespace": handles.NAMESPACE,
    "lifetime": "detached",
    "max_restarts": -1,
    "max_task_retries": -1,
    "num_cpus": 0,
    # Calls that wait (`lease`, `renew`) are most of them; Ray's default of 1000 would be full with a thousand runners.
    "max_concurrency": 20_000,
    "get_if_exists": True,
}


class _Named:
    """An actor by name, looked up at the first call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._actor: Any = None

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - Ray types an actor's methods as Any
        if self._actor is None:
            try:
                self._actor = ray.get_actor(self._name, namespace=handles.NAMESPACE)
            except ValueError as error:
                message = f"the actor {self._name!r} has not been made yet"
                raise InfrastructureError(message, remedy="it is tried again") from error
        return getattr(self._actor, method)


class _Starting:
    """Starts a component as soon as Ray has made it, also when Ray makes it anew: nobody else would."""

    def _begin(self, starting: Any) -> None:  # noqa: ANN401 - a coroutine
        self._started = asyncio.get_running_loop().create_task(starting)

    async def ready(self) -> str:
        """Waits until it has started; raises what kept it from starting."""
        await self._started
        return type(self).__name__


class OrchestratorActor(_Starting, Orchestrator):
    """`orchestrator`."""

    def __init__(self, settings: Settings, site: Site) -> None:
        session = ray.get_runtime_context().get_session_name()
        pool = tuple(_Named(supervisor_name(number)) for number in range(settings.supervisors))
        store = site.store()
        Orchestrator.__init__(
            self,
            settings,
            store,
            session,
            Supervisors(pool, store.owners, settings.ownership.ttl_s),
            RunnersHandle(_Named(handles.RUNNERS)),
        )
        self._begin(self.start())


class SupervisorActor(_Starting, Supervisor):
    """`supervisor-0`, `supervisor-1` …"""

    def __init__(self, settings: Settings, site: Site, number: int) -> None:
        Supervisor.__init__(
            self,
            number,
            settings,
            site.store(),
            OrchestratorHandle(_Named(handles.ORCHESTRATOR)),
            PlannerHandle(_Named(handles.PLANNER)),
            AnalyzerHandle(_Named(handles.ANALYZER)),
        )
        self._begin(self.start())


class PlannerActor(_Starting, Planner):
    """`planner`."""

    def __init__(self, settings: Settings, site: Site) -> None:
        del settings  # every actor is made with the same two arguments
        Planner.__init__(self, Mirrors(site.mirrors))
        self._begin(self.start())


class AnalyzerActor(_Starting, Analyzer):
    """`analyzer`."""

    def __init__(self, settings: Settings, site: Site) -> None:
        del settings
        Analyzer.__init__(self, site.store(), site.blobs, Encoder(), Memory())
        self._begin(self.start())


class ReporterActor(_Starting, Reporter):
    """`reporter`."""

    def __init__(self, settings: Settings, site: Site) -> None:
        def forge_of(run: Run) -> AbstractAsyncContextManager[ForgeAdapter] | None:
            known = settings.github.token.get_secret_value() or settings.github.app_id
            return connect_github(settings.github, run.change) if run.change.forge is Forge.GITHUB and known else None

        Reporter.__init__(self, settings, site.store(), forge_of)
        self._begin(self.start())


class RunnersActor(_Starting, RunnerController):
    """`runners`."""

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

        RunnerController.__init__(self, settings, launch, OrchestratorHandle(_Named(handles.ORCHESTRATOR)))
        self._begin(self.start())


class SandboxPoolActor(_Starting, SandboxPool):
    """`pool-…`, on the node of that id."""

    def __init__(self, settings: SandboxSettings, docker_url: str, installation: str) -> None:
        pool = WarmPool(docker_url, installation, Bounds(settings.warm_per_shape, settings.warm_total))
        clear = partial(sweep, docker_url, installation, keep_warm=True)
        SandboxPool.__init__(self, pool, usual_spec(settings, installation), clear, orchestrator_handle())
        self._begin(self.start())


def run_runner(runner: RunnerId, resources: Resources, surroundings: Surroundings) -> None:
    """The body of a runner's Ray task."""
    from actors.runner.task import run_one

    pool = PoolHandle(_Named(pool_name(ray.get_runtime_context().get_node_id())))
    asyncio.run(run_one(runner, resources, orchestrator_handle(), pool, surroundings))


def orchestrator_handle() -> OrchestratorHandle:
    """The orchestrator, for a process that Ray runs."""
    return OrchestratorHandle(_Named(handles.ORCHESTRATOR))


def deploy(settings: Settings, site: Site, body: RunnerBody = run_runner) -> None:
    """Starts every actor that does not run yet, and returns when all have started. Ray must be connected.

    `body` is what a runner's task does.
    """
    made = [
        _make(RunnersActor, handles.RUNNERS, settings, site, body),
        _make(PlannerActor, handles.PLANNER, settings, site),
        _make(ReporterActor, handles.REPORTER, settings, site),
        _make(AnalyzerActor, handles.ANALYZER, settings, site),
        *(
            _make(SupervisorActor, supervisor_name(number), settings, site, number)
            for number in range(settings.supervisors)
        ),
        # Last: when it starts it resumes every run, and by then there is somebody to carry them.
        _make(OrchestratorActor, handles.ORCHESTRATOR, settings, site),
    ]
    if site.lasting and settings.sandbox.warm_total and settings.sandbox.warm_per_shape:
        _warm(settings, site)
    ray.get([actor.ready.remote() for actor in made])


def _warm(settings: Settings, site: Site) -> None:
    """Starts a pool of warm sandboxes on every node that runs jobs now and has none. Nobody waits for it."""
    untyped: Any = ray
    nodes = [node for node in untyped.nodes() if node["Alive"] and "gvisor" in node["Resources"]]
    for node in (str(each["NodeID"]) for each in nodes):
        options = {
            **_OPTIONS,
            "name": pool_name(node),
            "max_task_retries": 0,  # a job does not wait until it is there again: it starts cold
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False),
        }
        pool = ray.remote(SandboxPoolActor).options(**options)
        pool.remote(settings.sandbox, site.docker_url, site.installation)


def _make(component: type[_Starting], name: str, *arguments: object) -> Any:  # noqa: ANN401 - Ray's handles are Any
    return ray.remote(component).options(name=name, **_OPTIONS).remote(*arguments)
