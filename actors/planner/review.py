"""Looking at how good plans are, and closing a miss that is none: for the command line and the REST interface."""

from __future__ import annotations

from actors.planner.health import Health, dismissed, health
from models.errors import NotFound
from models.history import Miss
from models.ports import Lessons


async def look(lessons: Lessons, repository: str = "") -> Health:
    """What is known of the plans of one repository, or of all."""
    return health(await lessons.audits(repository), await lessons.misses(repository), repository)


async def dismiss(lessons: Lessons, key: str, by: str, now: float) -> Miss:
    """Closes the miss of this key. One that is closed stays as it is. Raises `NotFound`."""
    known = {miss.key: miss for miss in await lessons.misses()}
    if key not in known:
        raise NotFound(f"there is no miss {key[:200]!r}", remedy="`delta plan --health` lists them")
    closed = dismissed(known[key], by, now)
    if closed != known[key]:
        await lessons.note_miss(closed)
    return closed
