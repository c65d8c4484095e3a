"""Logs: what there is as text, or live as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import format_sse_event

from api.follow import START, choose, follow, is_planned, numbered, whole
from api.routes.runs import ENTRY_ID
from api.services import Given
from models.errors import NotFound
from models.ids import JobId, RunId
from models.logs import LogChunk

router = APIRouter(tags=["logs"])

# A log is whatever the job printed: a browser must never take it for a page.
_PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
LIVE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

LINES = r"^[0-9]{1,9}(-[0-9]{1,9})?$|^$"

# Quiet looks (`LOOK_MS` each) between two comments that keep proxies from closing a connection they think is dead.
_KEEP_ALIVE_EVERY = 15

_FORMS: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {}, "text/event-stream": {}}, "description": "the log, whole so far or live"}
}


@router.get("/runs/{run}/jobs/{job}/log", response_class=Response, responses={**_FORMS})
async def read(
    run: RunId,
    job: JobId,
    given: Given,
    attempt: Annotated[int | None, Query(ge=1, description="by default the last")] = None,
    live: Annotated[bool, Query(alias="follow", description="live, as server-sent events")] = False,
    lines: Annotated[str, Query(pattern=LINES, description="such as 7-9: only these, with numbers")] = "",
    accept: Annotated[str, Header()] = "",
    last_event_id: Annotated[str, Header(pattern=ENTRY_ID)] = START,
) -> Response:
    """A job's log. Live with `?follow=1` or `Accept: text/event-stream`: one event a chunk, JSON like `{"at", "source",
    "step", "text"}`, with ids, so that `Last-Event-ID` goes on where a reader was; an `end` event comes last.
    """
    record = await given.store.runs.load(run)
    live = live or "text/event-stream" in accept
    found = choose(record.job(job), attempt) if is_planned(record) or not live else None
    if live:
        chunks = follow(given.store, run, job, attempt, last_event_id)
        return StreamingResponse(events(chunks, _KEEP_ALIVE_EVERY), media_type="text/event-stream", headers=LIVE)
    if found is None:
        which = f"attempt {attempt}" if attempt else "attempt"
        raise NotFound(f"job {job} of run {run} has no {which} yet", remedy="?follow=1 waits for it")
    text = whole(given.store, found.id)
    if lines:
        first, _, last = lines.partition("-")
        text = numbered(given.store, found.id, int(first), int(last or first))
    return StreamingResponse(text, media_type="text/plain; charset=utf-8", headers=_PLAIN)


async def events(items: AsyncIterator[tuple[str, LogChunk] | None], quiet_every: int) -> AsyncIterator[bytes]:
    """Chunks as server-sent events, the last one an `end`; a comment for each so many quiet looks."""
    # Sent at once, so that a reader (and any proxy between) knows it is connected before the first line comes.
    yield format_sse_event(comment="connected")
    quiet = 0
    async for item in items:
        if item is None:
            quiet += 1
            if quiet % quiet_every == 0:
                yield format_sse_event(comment="quiet")
            continue
        entry, chunk = item
        yield format_sse_event(data_str=chunk.model_dump_json(), id=entry)
    yield format_sse_event(event="end", data_str="{}")
