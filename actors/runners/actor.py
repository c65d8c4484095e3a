"""The runner controller: as many waiting runner tasks as there are queued attempts of each shape, within a limit.

Pending tasks are what Ray's autoscaler sees, so asking for runners is also asking for nodes. When a runner's process or
node dies, Ray fails its task here at once, and the orchestrator is told.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

from actors.background import Background, until_done
from actors.handles import OrchestratorHandle
from models.errors import DeltaError
from models.ids import AttemptId, RunnerId
from models.job import Footprint, Resources
from models.settings import Settings
from models.terminal import TerminalGrant

log = logging.getLogger(__name__)

# How long a runner that ended before it had work is not replaced.
PAUSE_S = 1.0
# The same for one that must run on one node: that has gone, and seldom comes back.
BOUND_PAUSE_S = 30.0

Launch = Callable[[RunnerId, Resources], Awaitable[None]]
LaunchTerminal = Callable[[TerminalGrant], Awaitable[str]]


class RunnerController:
    """`launch` starts one runner task and ends when it has; it raises a `DeltaError` when the task was lost.

    `launch_terminal` does so for a terminal's, and gives why it could not be opened, or nothing.
    """

    def __init__(
        self, settings: Settings, launch: Launch, launch_terminal: LaunchTerminal, orchestrator: OrchestratorHandle
    ) -> None:
        self._settings = settings
        self._launch = launch
        self._launch_terminal = launch_terminal
        self._terminals: set[AttemptId] = set()
        self._orchestrator = orchestrator
        self._waiting: dict[str, set[RunnerId]] = {}
        self._queued: dict[str, int] = {}
        self._shapes: dict[str, Resources] = {}
        self._background = Background()

    async def start(self) -> None:
        """Nothing to do: the orchestrator says what is wanted."""

    async def stop(self) -> None:
        """Ends the background work; for tests."""
        await self._background.stop()

    async def wanted(self, resources: Resources, queued: int) -> None:
        """So many attempts wait for runners of this shape."""
        self._shapes[resources.shape] = resources
        self._queued[resources.shape] = queued
        self._top_up(resources.shape)

    async def taken(self, runner: RunnerId) -> None:
        """This runner has taken an attempt."""
        for shape, waiting in self._waiting.items():
            if runner in waiting:
                waiting.discard(runner)
                self._queued[shape] = max(0, self._queued.get(shape, 0) - 1)
                self._top_up(shape)

    async def open_terminal(self, grant: TerminalGrant) -> None:
        """Somebody wants to look into such a sandbox: it takes what a job takes. Asking twice opens one."""
        if grant.session not in self._terminals:
            self._terminals.add(grant.session)
            self._background.spawn(self._attend(grant))

    async def _attend(self, grant: TerminalGrant) -> None:
        try:
            why = await self._launch_terminal(grant)
        except DeltaError as error:
            why = str(error)
        finally:
            self._terminals.discard(grant.session)
        await until_done(lambda: self._orchestrator.terminal_over(grant.session, why))

    def _top_up(self, shape: str) -> None:
        waiting = self._waiting.setdefault(shape, set())
        missing = min(self._queued[shape], self._settings.runners.max_pending) - len(waiting)
        for _ in range(missing):
            runner = RunnerId(f"runner-{secrets.token_hex(4)}")
            waiting.add(runner)
            self._background.spawn(self._watch(runner, self._shapes[shape]))

    async def _watch(self, runner: RunnerId, resources: Resources) -> None:
        waiting = self._waiting[resources.shape]
        try:
            await self._launch(runner, resources)
            if runner in waiting:  # it found nothing: what we believe is queued is out of date
                self._queued[resources.shape] = await self._orchestrator.queued(resources.shape)
        except DeltaError as error:
            log.warning("%s was lost: %s", runner, error)
            await self._lost(runner, str(error))
            if runner in waiting:  # the next one would fare no better at once
                bound = isinstance(resources, Footprint) and resources.node
                await asyncio.sleep(BOUND_PAUSE_S if bound else PAUSE_S)
        finally:
            waiting.discard(runner)
        self._top_up(resources.shape)

    async def _lost(self, runner: RunnerId, why: str) -> None:
        try:
            await self._orchestrator.runner_lost(runner, why)
        except DeltaError as error:  # then its lease runs out
            log.warning("could not report that %s is lost: %s", runner, error)
