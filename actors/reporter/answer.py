"""Answers what people say to Delta in comments: looks up whether they may, asks the orchestrator, and shows it.

Each step may be repeated: the orchestrator takes a message once, a reaction is there once, and a reply is looked for by
its hidden marker before it is written.
"""

from __future__ import annotations

import logging
import time
from typing import Protocol

from actors.flaky_tests import set_aside
from actors.reporter.commands import QUARANTINE_DAYS, Wish, explanation, message, not_understood, understood
from actors.reporter.forge import FoundComment
from actors.reporter.markdown import code
from cluster.store.store import Store
from models.errors import CallerError, DeltaError, InfrastructureError
from models.inbox import Said
from models.run import Run

log = logging.getLogger(__name__)

_LOOKED_AT = 500  # of the newest runs, for the one of a pull request


class Talk(Protocol):
    """What an answer needs of a forge. Every method may raise `ForgeUnavailable` and `ForgeRefused`."""

    async def may_write(self, login: str) -> bool:
        """Whether this person has write access to the repository."""

    async def react(self, comment_id: str, *, done: bool) -> None:
        """Shows on the comment that it was done, or that it was not; the same twice is once."""

    async def find_comment(self, number: int, marker: str) -> FoundComment | None:
        """As in `Forge`."""

    async def create_comment(self, number: int, body: str) -> str:
        """As in `Forge`."""


class Answers:
    """`answer` one comment at a time, to its end."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def answer(self, said: Said, talk: Talk) -> None:
        """Does what was asked for, or says why not."""
        if not await talk.may_write(said.author):
            log.info("%s may not say %r on %s #%d", said.author, said.text, said.repository, said.number)
            await talk.react(said.comment, done=False)
            return
        wish = understood(said.text)
        if wish is None:
            await _reply(said, talk, not_understood(said.text))
            return
        try:
            reply = await self._carry_out(wish, said)
        except InfrastructureError:
            raise
        except DeltaError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            await _reply(said, talk, f"That cannot be done: {code(f'{error}{remedy}', 400)}")
            return
        if reply:
            await _reply(said, talk, reply)
        else:
            await talk.react(said.comment, done=True)

    async def _carry_out(self, wish: Wish, said: Said) -> str:
        """What to reply; nothing where a reaction says enough."""
        if wish.verb == "quarantine":
            reason, by = f"asked for in #{said.number}", said.author
            await set_aside(
                self._store, said.repository, wish.argument, job="", days=QUARANTINE_DAYS, reason=reason, by=by,
                now=time.time(),
            )  # fmt: skip
            return ""
        run = await self._newest(said)
        if run is None:
            raise CallerError(f"there is no run of #{said.number} among the newest {_LOOKED_AT}")
        if wish.verb == "explain":
            return explanation(run, wish.argument)
        asked = message(wish, said, run)
        if asked is not None:
            await self._store.inbox.put(asked, delivery=f"said {said.key}")
        return ""

    async def _newest(self, said: Said) -> Run | None:
        """The newest run of the pull request that was there, or comes, whichever Delta knows."""
        place = (said.forge, said.repository, said.number)
        for run in await self._store.runs.recent(_LOOKED_AT):
            change = run.change
            if (change.forge, change.repository, change.number) == place and not change.aside:
                return run
        return None


async def _reply(said: Said, talk: Talk, text: str) -> None:
    marker = f"<!-- delta-ci-answer {said.comment} -->"
    if await talk.find_comment(said.number, marker) is None:
        await talk.create_comment(said.number, f"{marker}\n{text}")
