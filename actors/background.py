"""Background work of an actor: kept alive, and never silently dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from models.errors import DeltaError, InfrastructureError

log = logging.getLogger(__name__)

RETRY_S = 0.5
_CANCEL_AGAIN_S = 0.1


class Background:
    """The tasks one actor started. asyncio itself keeps only weak references to tasks."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Starts a task; an exception that leaves it is logged with its trace. Once stopped, nothing starts."""
        if self._stopped:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        """Calls `work` again and again for ever; after an error of Delta's, once it has waited a little."""
        self.spawn(_repeat(work))

    async def stop(self) -> None:
        """Cancels everything and waits for it.

        Again and again: Python 3.11's `wait_for`, which redis-py uses, may swallow a cancellation that comes in the
        same moment as the answer (https://github.com/python/cpython/issues/86296).
        """
        self._stopped = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks), timeout=_CANCEL_AGAIN_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background work failed", exc_info=error)


async def until_done(work: Callable[[], Awaitable[None]]) -> None:
    """Calls `work` until no infrastructure error leaves it."""
    while True:
        try:
            return await work()
        except InfrastructureError as error:
            log.warning("will try again: %s", error)
            await asyncio.sleep(RETRY_S)


async def _repeat(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await until_done(work)
        except DeltaError:  # ours, and wrong; what comes next may be right
            log.exception("background work failed")
            await asyncio.sleep(RETRY_S)
