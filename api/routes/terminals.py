"""Terminals in a sandbox like a job's: opened, typed into, and watched as server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from api.routes.logs import LIVE, events
from api.routes.runs import ENTRY_ID
from api.services import Given
from api.terminal import opened, shown
from cluster.store.store import Store
from models.errors import NotFound
from models.ids import AttemptId, JobId, RunId
from models.ports import START
from models.terminal import Typed

router = APIRouter(tags=["terminals"])

Session = Annotated[AttemptId, Path(max_length=200, pattern=r"^[\w.-]+\.terminal-[0-9a-f]{32}$")]


class Opened(BaseModel):
    """Whoever knows the session may type into it."""

    model_config = ConfigDict(frozen=True)

    session: AttemptId


@router.post("/runs/{run}/jobs/{job}/terminal", status_code=202)
async def open_terminal(run: RunId, job: JobId, given: Given, typed: Typed | None = None) -> Opened:
    """Asks for a terminal in a sandbox made as this job's: image, source and variables, without its secrets.

    The body may say how large the terminal is, and what is typed first.
    """
    return Opened(session=await opened(given.store, run, job, typed or Typed(), by="the API"))


@router.post("/terminals/{session}/input", status_code=204)
async def type_into(session: Session, typed: Typed, given: Given) -> Response:
    """Types something, tells another size, or leaves."""
    await _known(given.store, session)
    await given.store.terminals.type(session, typed)
    return Response(status_code=204)


@router.get("/terminals/{session}/output", response_class=StreamingResponse)
async def watch(
    session: Session, given: Given, last_event_id: Annotated[str, Header(pattern=ENTRY_ID)] = START
) -> StreamingResponse:
    """What it shows, as server-sent events like a log's; an `end` event comes last. The text holds terminal codes."""
    await _known(given.store, session)
    told = events(shown(given.store, session, last_event_id), quiet_every=1)
    return StreamingResponse(told, media_type="text/event-stream", headers=LIVE)


async def _known(store: Store, session: AttemptId) -> None:
    if not await store.terminals.known(session):
        raise NotFound("there is no such terminal", remedy="`delta shell RUN JOB` opens one")
