"""Whether the server lives, and whether it can do its work. Open to everybody: load balancers have no token."""

from __future__ import annotations

from fastapi import APIRouter

from api.services import Given

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """200 while the process answers at all. Looks at nothing else, so that a Redis outage restarts no server."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Redis does not answer"}})
async def readyz(given: Given) -> dict[str, str]:
    """200 when events can be accepted: Redis answers. Otherwise 503, and a load balancer goes elsewhere.

    `actors` says whether what was accepted is worked on already (`running`), or will be (`starting`).
    """
    await given.store.ping()
    return {"status": "ready", "actors": "running" if given.actors_run.is_set() else "starting"}
