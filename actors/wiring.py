"""The composition root: plain classes become named Ray actors, and are given each other.

Actors are detached, restart for ever, and find each other by name when they first speak.
"""

from __future__ import annotations

from typing import Any

import ray

from actors import handles
from actors.analyzer.shell import AnalyzerActor
from actors.handles import supervisor_name
from actors.orchestrator.shell import OrchestratorActor
from actors.planner.shell import PlannerActor
from actors.reporter.shell import ReporterActor
from actors.runners.shell import RunnerBody, RunnersActor, run_runner
from actors.shell import OPTIONS, Starting
from actors.site import Site
from actors.supervisor.shell import SupervisorActor
from models.settings import Settings


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
    ray.get([actor.ready.remote() for actor in made])


def _make(component: type[Starting], name: str, *arguments: object) -> Any:  # noqa: ANN401 - Ray's handles are Any
    return ray.remote(component).options(name=name, **OPTIONS).remote(*arguments)
