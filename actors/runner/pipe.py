"""The log's way from the thread of an attempt to the store: in order, and without the job waiting for each answer."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence

from models.errors import InfrastructureError
from models.ids import AttemptId
from models.logs import LogChunk

log = logging.getLogger(__name__)

# A job that writes faster than the store takes is held up when so many calls have no answer.
LAG = 8

# How long after an error it is tried again: a store that is started again takes some seconds.
AGAIN_S = 0.5

Append = Callable[[AttemptId, Sequence[LogChunk], int], Awaitable[None]]


class LogPipe:
    """`append` is the store's; make this in the loop that it belongs to.

    What the store does not take is offered again, and the job held up, until `given_up`: then nothing more is written,
    for a log has no holes.
    """

    def __init__(self, append: Append, attempt: AttemptId, given_up: Callable[[], bool]) -> None:
        self._append = append
        self._attempt = attempt
        self._given_up = given_up
        self._loop = asyncio.get_running_loop()
        self._order = asyncio.Lock()  # whoever comes first gets it first
        self._waiting: list[LogChunk] = []
        self._written = 0
        self._room = threading.BoundedSemaphore(LAG)
        self._error: InfrastructureError | None = None

    def put(self, chunks: list[LogChunk]) -> None:
        """Write these soon; for the attempt's thread. Raises what kept earlier ones from being written."""
        if self._error is not None:
            raise self._error
        self._room.acquire()
        asyncio.run_coroutine_threadsafe(self.append(chunks), self._loop).add_done_callback(
            lambda _: self._room.release()
        )

    async def append(self, chunks: list[LogChunk]) -> None:
        """Write these, and return when they are stored. Errors: `InfrastructureError`, also of earlier ones."""
        self._waiting += chunks
        async with self._order:
            if self._error is not None:
                raise self._error
            batch, self._waiting = self._waiting, []
            while batch:
                try:
                    await self._append(self._attempt, batch, self._written)
                except InfrastructureError as error:
                    if self._given_up():
                        self._error = error
                        raise
                    log.warning("the log of %s waits: %s", self._attempt, error)
                    await asyncio.sleep(AGAIN_S)
                else:
                    self._written += len(batch)
                    batch = []

    async def flush(self) -> None:
        """Return when all that was put is stored. Errors: as `append`."""
        await self.append([])
