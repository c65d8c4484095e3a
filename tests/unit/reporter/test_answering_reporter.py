"""The reporter answers what it hears: once, also when the forge does not answer at first, or refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from actors.reporter.actor import Reporter
from actors.reporter.answer import Talk
from actors.reporter.forge import ForgeRefused, ForgeUnavailable
from cluster.store.store import Store
from models.inbox import Said
from models.settings import Settings
from tests.unit.reporter.test_commands import SAID, MemoryTalk


class FaultyTalk(MemoryTalk):
    """Raises these errors first, one a question."""

    errors: tuple[Exception, ...] = ()

    async def may_write(self, login: str) -> bool:
        if self.errors:
            error, *rest = self.errors
            self.errors = tuple(rest)
            raise error
        return await super().may_write(login)


async def answered_by(patch: pytest.MonkeyPatch, talk: FaultyTalk | None) -> None:
    """Returns when a reporter with this forge has let go of what was said."""
    store, let_go = Store.in_memory(), asyncio.Event()
    lets_go = store.reports.answered

    async def answered(said: Said) -> None:
        await lets_go(said)
        let_go.set()

    patch.setattr(store.reports, "answered", answered)  # to hear of it without looking again and again

    @asynccontextmanager
    async def opened(given: FaultyTalk) -> AsyncIterator[Talk]:
        yield given

    def talk_of(said: Said) -> AbstractAsyncContextManager[Talk] | None:
        assert said == SAID.having(text="/delta nonsense")
        return opened(talk) if talk is not None else None

    reporter = Reporter(Settings(), store, lambda _: None, talk_of)
    await reporter.start()
    try:
        await store.reports.hear(SAID.having(text="/delta nonsense"))
        await asyncio.wait_for(let_go.wait(), 30.0)
    finally:
        await reporter.stop()
    assert await store.reports.heard() == []


@pytest.mark.parametrize("errors", [(), (ForgeUnavailable("it does not answer"),)])
async def test_it_is_answered_once_the_forge_answers(
    monkeypatch: pytest.MonkeyPatch, errors: tuple[Exception, ...]
) -> None:
    talk = FaultyTalk()
    talk.errors = errors
    await answered_by(monkeypatch, talk)
    assert len(talk.replies) == 1


async def test_where_it_may_not_be_answered_it_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = FaultyTalk()
    talk.errors = (ForgeRefused("no"),)
    await answered_by(monkeypatch, talk)
    assert talk.replies == []
    await answered_by(monkeypatch, None)
