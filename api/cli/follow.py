"""A run as it happens, for a terminal: its events and its logs, in the order in which they become known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from api import follow
from cluster.store.store import Store
from models.errors import NotFound
from models.events import Event, EventKind
from models.ids import JobId, RunId
from models.logs import LogChunk
from models.run import Run

_LOOK_MS = 1000

Happening = Event | tuple[JobId, LogChunk]


async def happenings(store: Store, run_id: RunId) -> AsyncIterator[Happening]:
    """Every event of the run and every chunk of its logs; ends when the run is over and nothing is left to be done."""
    queue: asyncio.Queue[Happening | None] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch(store, run_id, queue, group))
        while (happening := await queue.get()) is not None:
            yield happening


async def appeared(store: Store, run_id: RunId) -> Run:
    """The run, once the orchestrator has taken it from the inbox."""
    while True:
        try:
            return await store.runs.load(run_id)
        except NotFound:
            await store.runs.events(run_id, block_ms=_LOOK_MS)


async def _watch(store: Store, run_id: RunId, queue: asyncio.Queue[Happening | None], group: asyncio.TaskGroup) -> None:
    logs: list[asyncio.Task[None]] = []
    after = "0"
    while True:
        # Asked before the read: what was told until then is surely in it.
        settled = not await store.runs.is_active(run_id) and (await store.runs.load(run_id)).over
        found = await store.runs.events(run_id, after=after, block_ms=None if settled else _LOOK_MS)
        for entry, event in found:
            after = entry
            if event.kind is EventKind.JOB_FINISHED:
                await asyncio.gather(*logs)  # a job's end is told after the last line of its log
            queue.put_nowait(event)
            if event.kind is EventKind.JOB_STARTED and event.job is not None:
                logs.append(group.create_task(_log(store, run_id, event.job, event.attempt, queue)))
        if settled and not found:
            break
    await asyncio.gather(*logs)
    queue.put_nowait(None)


async def _log(
    store: Store, run_id: RunId, job: JobId, attempt: int | None, queue: asyncio.Queue[Happening | None]
) -> None:
    async for found in follow.follow(store, run_id, job, attempt):
        if found is not None:
            queue.put_nowait((job, found[1]))
