"""A supervisor as Ray's actor `supervisor-0`, `supervisor-1` …"""

from __future__ import annotations

from actors import handles
from actors.handles import AnalyzerHandle, PlannerHandle
from actors.shell import Named, Starting, orchestrator_handle
from actors.site import Site
from actors.supervisor.actor import Supervisor
from actors.supervisor.caches import CacheKeeper
from models.settings import Settings


class SupervisorActor(Starting, Supervisor):
    """Number `number` of the pool."""

    def __init__(self, settings: Settings, site: Site, number: int) -> None:
        planner, analyzer = PlannerHandle(Named(handles.PLANNER)), AnalyzerHandle(Named(handles.ANALYZER))
        store = site.store()
        caches = CacheKeeper(store.caches, site.caches, settings.caches)
        Supervisor.__init__(self, number, settings, store, orchestrator_handle(), planner, analyzer, caches)
        self._begin(self.start())
