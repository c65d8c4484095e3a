"""The composition root: plain classes become named Ray actors, and are given each other.

Actors are detached, restart for ever, and find each other by name when they first speak.
"""

from __future__ import annotations

from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors import handles
from actors.analyzer.shell import AnalyzerActor
from actors.handles import pool_name, supervisor_name
from actors.orchestrator.shell import OrchestratorActor
from actors.planner.shell import PlannerActor
from actors.pool.shell import SandboxPoolActor
from actors.reporter.shell import ReporterActor
from actors.runners.shell import RunnerBody, RunnersActor, run_runner
from actors.shell import Starting
from actors.site import Site
from actors.supervisor.shell import SupervisorActor
from models.settings import Settings

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


def _make(component: type[Starting], name: str, *arguments: object) -> Any:  # noqa: ANN401 - Ray's handles are Any
    return ray.remote(component).options(name=name, **_OPTIONS).remote(*arguments)
