"""The reporter as Ray's actor `reporter`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from actors.reporter import gitea, gitlab
from actors.reporter.actor import ForgeOf, Reporter, TalkOf
from actors.reporter.answer import Talk
from actors.reporter.forge import Forge as ForgeAdapter
from actors.shell import Starting
from actors.site import Site
from models.change import Forge
from models.inbox import Said
from models.run import Run
from models.settings import GitHubSettings, Settings

if TYPE_CHECKING:
    from actors.reporter.github import GitHubForge


class ReporterActor(Starting, Reporter):
    """It writes to a forge where it was given a credential."""

    def __init__(self, settings: Settings, site: Site) -> None:
        Reporter.__init__(self, settings, site.store(), forge_of(settings), talk_of(settings))
        self._begin(self.start())


def forge_of(settings: Settings) -> ForgeOf:
    """Opens the adapter of a run's forge, where there is a credential for one."""

    def opened(run: Run) -> AbstractAsyncContextManager[ForgeAdapter] | None:
        if run.change.aside or not settings.of(run.change.forge).writes:
            return None
        match run.change.forge:
            case Forge.GITHUB:
                return _github(settings.github, run.change.repository, run.change.installation)
            case Forge.GITEA:
                return gitea.connect(settings.gitea, run.change)
            case Forge.GITLAB:
                return gitlab.connect(settings.gitlab, run.change)
            case _:
                return None

    return opened


def talk_of(settings: Settings) -> TalkOf:
    """Opens the adapter through which a comment is answered, where there is a credential for it."""

    def opened(said: Said) -> AbstractAsyncContextManager[Talk] | None:
        if said.forge is not Forge.GITHUB or not settings.github.writes:
            return None
        return _github(settings.github, said.repository, said.installation)

    return opened


def _github(
    settings: GitHubSettings, repository: str, installation: int | None
) -> AbstractAsyncContextManager[GitHubForge]:
    from actors.reporter.github import connect  # a client that knows all of GitHub's interface

    return connect(settings, repository, installation)
