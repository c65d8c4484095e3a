"""A terminal as its user's side sees it: opened by a message, and watched as a log until its last chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cluster.store.store import Store
from models.ids import AttemptId, JobId, RunId
from models.inbox import OpenTerminal
from models.logs import LogChunk
from models.ports import START
from models.terminal import Typed, is_last, new_session

# How long one blocking read waits; then the connection is shown to be alive.
_LOOK_MS = 15_000


async def opened(store: Store, run: RunId, job: JobId, first: Typed, by: str) -> AttemptId:
    """Asks for one; the session. Raises `NotFound` for an unknown run or job."""
    (await store.runs.load(run)).job(job)
    session = new_session(run, job)
    await store.terminals.type(session, first)
    await store.inbox.put(OpenTerminal(run=run, job=job, session=session, by=by))
    return session


async def shown(store: Store, session: AttemptId, after: str = START) -> AsyncIterator[tuple[str, LogChunk] | None]:
    """Chunks with their ids, to the last one; None for each quiet while."""
    while True:
        found = await store.logs.read(session, after=after, block_ms=_LOOK_MS)
        if not found:
            yield None
        for entry, chunk in found:
            yield entry, chunk
            if is_last(chunk):
                return
            after = entry
