"""The planner as Ray's actor `planner`."""

from __future__ import annotations

from actors.planner.actor import Planner
from actors.planner.policy import NAME
from actors.shell import Starting
from actors.site import Site
from models.settings import Settings
from sandbox.source.mirror import Mirrors


class PlannerActor(Starting, Planner):
    """One for all repositories."""

    def __init__(self, settings: Settings, site: Site) -> None:
        Planner.__init__(
            self, Mirrors(site.mirrors), settings.policy or site.state_dir / NAME, settings.github, site.facts
        )
        self._begin(self.start())
