"""The reporter as Ray's actor `reporter`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from actors.reporter import gitea, gitlab
from actors.reporter.actor import ForgeOf, Reporter, TalkOf
from actors.reporter.answer import Talk
from actors.reporter.forge import Forge as ForgeAdapter
from actors.shell import Starting
from actors.site import Site
from models.change import Forge
from models.inbox import Said
from models.run import Run
from models.settings import Settings


class ReporterActor(Starting, Reporter):
    """It writes to a forge where it was given a credential."""

    def __init__(self, settings: Settings, site: Site) -> None:
        Reporter.__init__(self, settings, site.store(), forge_of(settings), talk_of(settings))
        self._begin(self.start())


def forge_of(settings: Settings) -> ForgeOf:
    """Opens the adapter of a run's forge, where there is a credential for one."""
    token = settings.github.token.get_secret_value() or settings.github.app_id

    def opened(run: Run) -> AbstractAsyncContextManager[ForgeAdapter] | None:
        if run.change.aside:
            return None
        match run.change.forge:
            case Forge.GITHUB if token:
                from actors.reporter.github import connect  # a client that knows all of GitHub's interface

                return connect(settings.github, run.change.repository, run.change.installation)
            case Forge.GITEA if settings.gitea.token.get_secret_value():
                return gitea.connect(settings.gitea, run.change)
            case Forge.GITLAB if settings.gitlab.token.get_secret_value():
                return gitlab.connect(settings.gitlab, run.change)
            case _:
                return None

    return opened


def talk_of(settings: Settings) -> TalkOf:
    """Opens the adapter through which a comment is answered, where there is a credential for it."""
    token = settings.github.token.get_secret_value() or settings.github.app_id

    def opened(said: Said) -> AbstractAsyncContextManager[Talk] | None:
        if said.forge is not Forge.GITHUB or not token:
            return None
        from actors.reporter.github import connect  # as above

        return connect(settings.github, said.repository, said.installation)

    return opened
