"""The analyzer as Ray's actor `analyzer`."""

from __future__ import annotations

from actors.analyzer.actor import Analyzer
from actors.shell import Starting
from actors.site import Site
from models.embedding.encoder import Encoder
from models.settings import Settings


class AnalyzerActor(Starting, Analyzer):
    """The only one with a model in memory, and that from the first failure on."""

    def __init__(self, settings: Settings, site: Site) -> None:
        del settings  # every actor is made with the same two arguments
        Analyzer.__init__(self, site.store(), site.blobs, Encoder())

    async def ready(self) -> str:
        """It is, as soon as it is made: what it remembers is read when it is asked for."""
        return type(self).__name__
