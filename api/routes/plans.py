"""Plans: how good they are, and what they missed."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from actors.planner import review
from api.health_view import HealthView, MissView, health_view, miss_view
from api.services import Given

router = APIRouter(tags=["plans"])


class Dismissal(BaseModel):
    """Which miss is none, by its `key`, and who says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(max_length=1_000)
    by: str = Field(default="the API", min_length=1, max_length=100)


@router.get("/plans/health")
async def health(
    given: Given, repository: Annotated[str, Query(description="as runs name it; by default all together")] = ""
) -> HealthView:
    """How much of what failed the plans had chosen, and every failure that they had not."""
    return health_view(await review.look(given.store.lessons, repository))


@router.post("/plans/misses/dismiss")
async def dismiss(asked: Dismissal, given: Given) -> MissView:
    """Closes a miss that is none, such as a flake: it widens no plan any more, and counts no longer."""
    return miss_view(await review.dismiss(given.store.lessons, asked.key, asked.by, time.time()))
