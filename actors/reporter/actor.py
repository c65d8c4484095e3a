"""The reporter as an actor: the only component that writes to a forge.

It works off marks, not messages: whatever happened while a forge was down, it is told the latest state once. A run's
mark is taken off only after the forge has what the run was when it was read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from actors.background import Background
from actors.reporter.answer import Answers, Talk
from actors.reporter.forge import Forge as ForgeAdapter
from actors.reporter.forge import ForgeRefused, ForgeUnavailable
from actors.reporter.publish import NotPublished, publish
from cluster.store.store import Store
from models.errors import InfrastructureError, NotFound
from models.ids import RunId
from models.inbox import Said
from models.run import Run
from models.settings import Settings

log = logging.getLogger(__name__)

_BELL_BLOCK_MS = 5_000
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 300.0

# Opens the adapter of a run's forge, or None where there is nothing to write to (a local run, no credentials).
ForgeOf = Callable[[Run], AbstractAsyncContextManager[ForgeAdapter] | None]
# The same for a comment that is to be answered.
TalkOf = Callable[[Said], AbstractAsyncContextManager[Talk] | None]


class _Step(NamedTuple):
    """Settled: the forge has it, or never will. After `pause_s` seconds it may be spoken to again about this run."""

    settled: bool
    pause_s: float


_NOTHING_TO_DO = _Step(settled=True, pause_s=0.0)


class Reporter:
    """Brings forges up to date, one run at a time, at most once per `coalesce_s` each."""

    def __init__(self, settings: Settings, store: Store, forge_of: ForgeOf, talk_of: TalkOf) -> None:
        self._settings = settings
        self._store = store
        self._forge_of = forge_of
        self._talk_of = talk_of
        self._answers = Answers(store)
        self._background = Background()
        self._bell = "0"
        self._busy: set[RunId] = set()
        self._answering: set[str] = set()
        self._places: dict[str, asyncio.Lock] = {}

    async def start(self) -> None:
        """Begins to work off what is due."""
        self._background.repeat(self._work_off)

    async def stop(self) -> None:
        """Ends the background work; for tests."""
        await self._background.stop()

    async def _work_off(self) -> None:
        for run, mark in (await self._store.reports.all_due()).items():
            if run not in self._busy:
                self._busy.add(run)
                self._background.spawn(self._report(run, mark))
        for said in await self._store.reports.heard():
            if said.key not in self._answering:
                self._answering.add(said.key)
                self._background.spawn(self._answer(said))
        self._bell = await self._store.reports.wait(self._bell, _BELL_BLOCK_MS)

    async def _report(self, run_id: RunId, mark: str) -> None:
        wait_s = _FIRST_WAIT_S
        due: str | None = mark
        try:
            while due is not None:
                mark = due
                step = await self._bring_up_to_date(run_id, wait_s)
                if not step.settled:
                    wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
                    await asyncio.sleep(step.pause_s)
                    continue
                wait_s = _FIRST_WAIT_S
                due = await self._store.reports.done(run_id, mark)
                if step.pause_s:
                    await asyncio.sleep(step.pause_s)
                    due = due or await self._store.reports.done(run_id, mark)
        except InfrastructureError as error:
            log.warning("report of %s will be tried again: %s", run_id, error)
        finally:
            self._busy.discard(run_id)

    async def _answer(self, said: Said) -> None:
        """Until it is answered, or cannot be. What fails here otherwise is tried again at the next ring."""
        wait_s = _FIRST_WAIT_S
        try:
            while (opened := self._talk_of(said)) is not None:
                try:
                    async with opened as talk:
                        await self._answers.answer(said, talk)
                    break
                except ForgeUnavailable as error:
                    log.warning("comment %s is not answered yet: %s", said.key, error)
                    await asyncio.sleep(max(wait_s, error.retry_after_s))
                    wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
                except ForgeRefused as error:
                    log.warning("comment %s cannot be answered: %s", said.key, error)
                    break
            await self._store.reports.answered(said)
        except InfrastructureError as error:
            log.warning("comment %s will be answered later: %s", said.key, error)
        finally:
            self._answering.discard(said.key)

    async def _bring_up_to_date(self, run_id: RunId, wait_s: float) -> _Step:
        try:
            run = await self._store.runs.load(run_id)
        except NotFound:
            return _NOTHING_TO_DO
        opened = self._forge_of(run)
        if opened is None:
            return _NOTHING_TO_DO
        memory = await self._store.reports.ids(run_id)
        written = _Step(settled=True, pause_s=self._settings.forge(run.change.forge).coalesce_s)
        try:
            # The runs of one repository share comments, and a forge limits how much may be written at once.
            async with self._places.setdefault(run.change.repository, asyncio.Lock()), opened as forge:
                ids = await publish(run, forge, memory, self._settings.api.public_url)
        except ForgeRefused as error:  # there is no credential for this repository: asking again would not help
            log.warning("report of %s: %s", run_id, error)
            return written
        except NotPublished as error:
            await self._store.reports.remember(run_id, error.ids)
            log.warning("report of %s: %s", run_id, error)
            return _Step(settled=False, pause_s=max(wait_s, error.retry_after_s)) if error.again else written
        await self._store.reports.remember(run_id, ids)
        return written
