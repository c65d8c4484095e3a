"""The orchestrator as Ray's actor `orchestrator`."""

from __future__ import annotations

import ray

from actors import handles
from actors.handles import RunnersHandle, Supervisors, supervisor_name
from actors.orchestrator.actor import Orchestrator
from actors.shell import Named, Starting
from actors.site import Site
from models.settings import Settings


class OrchestratorActor(Starting, Orchestrator):
    """Its leases belong to the boot of this Ray: with it, the runners are gone that held them."""

    def __init__(self, settings: Settings, site: Site) -> None:
        session = ray.get_runtime_context().get_session_name()
        pool = tuple(Named(supervisor_name(number)) for number in range(settings.supervisors))
        store = site.store()
        supervisors = Supervisors(pool, store.owners, settings.ownership.ttl_s)
        runners = RunnersHandle(Named(handles.RUNNERS))
        Orchestrator.__init__(self, settings, store, site.vault, session, supervisors, runners)
        self._begin(self.start())
