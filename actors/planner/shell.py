"""The planner as Ray's actor `planner`."""

from __future__ import annotations

from actors import handles
from actors.handles import AnalyzerHandle
from actors.planner.actor import Planner
from actors.planner.credentials import homes
from actors.planner.history import History
from actors.planner.policy import NAME
from actors.shell import Named, Starting
from actors.site import Site
from models.embedding import one_thread
from models.settings import Settings
from sandbox.source.mirror import Mirrors


class PlannerActor(Starting, Planner):
    """One for all repositories."""

    def __init__(self, settings: Settings, site: Site) -> None:
        one_thread()
        past = History(site.store(), AnalyzerHandle(Named(handles.ANALYZER)))
        policy = settings.policy or site.state_dir / NAME
        share = settings.planner.audit_share
        Planner.__init__(self, Mirrors(site.mirrors), policy, homes(settings), site.facts, past, share)
        self._begin(self.start())
