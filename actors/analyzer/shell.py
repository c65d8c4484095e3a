"""The analyzer as Ray's actor `analyzer`."""

from __future__ import annotations

from actors.analyzer.actor import Analyzer
from actors.analyzer.asking import Asking
from actors.analyzer.heads import Heads
from actors.shell import Starting, living_nodes
from actors.site import Site
from models.embedding.encoder import Encoder
from models.settings import Settings
from sandbox.source.mirror import Mirrors


class AnalyzerActor(Starting, Analyzer):
    """The only one with a model in memory, and that from the first failure on."""

    def __init__(self, settings: Settings, site: Site) -> None:
        wanted = settings.analyzer
        asking = Asking(
            living_nodes if wanted.four_way else None, Heads(Mirrors(site.mirrors)).of if wanted.proposals else None
        )
        Analyzer.__init__(self, site.store(), site.blobs, Encoder(), asking)
        self._begin(self.start())
