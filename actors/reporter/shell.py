"""The reporter as Ray's actor `reporter`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from actors.reporter.actor import Reporter
from actors.reporter.forge import Forge as ForgeAdapter
from actors.shell import Starting
from actors.site import Site
from models.change import Forge
from models.run import Run
from models.settings import Settings


class ReporterActor(Starting, Reporter):
    """It writes to GitHub where it was given a credential."""

    def __init__(self, settings: Settings, site: Site) -> None:
        known = bool(settings.github.token.get_secret_value() or settings.github.app_id)

        def forge_of(run: Run) -> AbstractAsyncContextManager[ForgeAdapter] | None:
            if run.change.forge is not Forge.GITHUB or run.change.aside or not known:
                return None
            from actors.reporter.github import connect  # a client that knows all of GitHub's interface

            return connect(settings.github, run.change)

        Reporter.__init__(self, settings, site.store(), forge_of)
        self._begin(self.start())
