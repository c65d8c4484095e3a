"""The planner as Ray's actor `planner`."""

from __future__ import annotations

from actors.planner.actor import Planner
from actors.shell import Starting
from actors.site import Site
from models.settings import Settings
from sandbox.source.mirror import Mirrors


class PlannerActor(Starting, Planner):
    """One for all repositories."""

    def __init__(self, settings: Settings, site: Site) -> None:
        del settings  # every actor is made with the same two arguments
        Planner.__init__(self, Mirrors(site.mirrors))
        self._begin(self.start())
