"""Runs: ask for one, look at them, approve or cancel one, run it again."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Header, Query

from api.services import Given
from api.submission import RerunRequest, Submission
from api.views import Accepted, EventView, RunSummary, RunView, run_summary, run_view
from models.ids import JobId, RunId
from models.inbox import Approve, Cancel, Rerun, Submit
from models.lifecycle.approve import checked_waiting
from models.lifecycle.rerun import ONE

router = APIRouter(tags=["runs"])

# What Redis calls a stream entry. Anything else, more than 64 bits included, would be an error there.
ENTRY_ID = r"^[0-9]{1,19}(-[0-9]{1,19})?$"


@router.post("/runs", status_code=202)
async def submit(
    submission: Submission, given: Given, idempotency_key: Annotated[str, Header(max_length=255)] = ""
) -> Accepted:
    """Asks for a run of one commit. Each request is a new run, unless it repeats an earlier one's `Idempotency-Key`."""
    change = submission.change(nonce=idempotency_key or secrets.token_hex(8))
    await given.store.inbox.put(Submit(change=change))
    return Accepted(run=change.run_id())


@router.get("/runs")
async def recent(given: Given, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[RunSummary]:
    """The newest runs, newest first."""
    return [run_summary(run) for run in await given.store.runs.recent(limit)]


@router.get("/runs/{run}")
async def show(run: RunId, given: Given) -> RunView:
    """One run: its plan with a reason for every job, the jobs and their attempts, the explanations, the comment."""
    return run_view(await given.store.runs.load(run), given.settings.api.public_url)


@router.get("/runs/{run}/events")
async def events(run: RunId, given: Given, after: Annotated[str, Query(pattern=ENTRY_ID)] = "0") -> list[EventView]:
    """What happened to the run, in order, at most 500; with `after`, what came after the event of that id."""
    await given.store.runs.load(run)  # 404 rather than an empty list for a run that is not there
    found = await given.store.runs.events(run, after=after)
    return [EventView(id=entry, **event.model_dump()) for entry, event in found]


@router.post("/runs/{run}/cancel", status_code=202)
async def cancel(run: RunId, given: Given) -> Accepted:
    """Asks for the run to stop. A run that is over stays as it is."""
    await given.store.runs.load(run)
    await given.store.inbox.put(Cancel(run=run, by="the API"))
    return Accepted(run=run)


@router.post("/runs/{run}/approve", status_code=202)
async def approve(run: RunId, given: Given) -> Accepted:
    """Asks for a run to begin that waits for it. The approval is this run's: the next push waits anew."""
    checked_waiting(await given.store.runs.load(run))
    await given.store.inbox.put(Approve(run=run, by="the API"))
    return Accepted(run=run)


@router.post("/runs/{run}/rerun", status_code=202)
async def rerun(run: RunId, given: Given, asked: RerunRequest | None = None) -> Accepted:
    """Asks for jobs that have ended to run once more. Those that still run go on; earlier attempts stay."""
    record = await given.store.runs.load(run)
    which = (asked or RerunRequest()).which
    if which.startswith(ONE) and record.plan is not None:
        record.job(JobId(which.removeprefix(ONE)))
    await given.store.inbox.put(Rerun(run=run, which=which, by="the API"))
    return Accepted(run=run)
