"""The quarantine: tests that run and are shown, and alone fail nothing, for a while. Changed by who has the token."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from actors import flaky_tests
from api.flaky_view import QuarantinedView, quarantined_view
from api.services import Given
from models.flaky import MAX_QUARANTINE_DAYS

router = APIRouter(tags=["flaky tests"])


class Asked(BaseModel):
    """Which test, exactly as explanations name it, for how long and why; with `job`, only in that job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str
    test: str
    job: str = ""
    days: int = Field(ge=1, le=MAX_QUARANTINE_DAYS)
    reason: str
    by: str = Field(default="the API", min_length=1, max_length=100)


@router.get("/quarantine")
async def entries(
    given: Given, repository: Annotated[str, Query(description="as runs name it; by default all together")] = ""
) -> list[QuarantinedView]:
    """What is in quarantine, and what was until it ended."""
    now = time.time()
    return [quarantined_view(entry, now) for entry in await given.store.quarantine.entries(repository)]


@router.post("/quarantine")
async def add(asked: Asked, given: Given) -> QuarantinedView:
    """Sets a test aside, or gives its quarantine another end. Failures that were explained before stay as they are."""
    now = time.time()
    entry = await flaky_tests.set_aside(given.store, **asked.model_dump(), now=now)
    return quarantined_view(entry, now)


@router.delete("/quarantine", status_code=204, response_class=Response)
async def remove(repository: str, test: str, given: Given, job: str = "") -> None:
    """Takes a test out: its next failure counts."""
    await flaky_tests.take_back(given.store, repository, test, job)
