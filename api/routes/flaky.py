"""Tests that are known to be flaky."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query

from actors import flaky_tests
from api.flaky_view import FlakyView, flaky_view
from api.services import Given

router = APIRouter(tags=["flaky tests"])


@router.get("/flaky")
async def known(
    given: Given, repository: Annotated[str, Query(description="as runs name it; by default all together")] = ""
) -> FlakyView:
    """Which tests fail by themselves, how often and since when, and which are in quarantine."""
    found = await flaky_tests.flaky_tests(given.store, repository)
    return flaky_view(found, await given.store.quarantine.entries(repository), time.time())
