"""What the analyzer remembers: past failures, found by their signature or by what their excerpts are like."""

from __future__ import annotations

from actors.analyzer.similar import nearest, seen_before
from actors.vectors import Vectors
from models.embedding.index import Vector
from models.failure import PastFailure, RememberedFailure
from models.ports import Failures

_LATEST = 50
_NEIGHBOURS = 16


class Past:
    """For all repositories; what one repository has is never shown to another."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._vectors = Vectors(failures.vectors)

    async def like(self, failure: RememberedFailure, vector: Vector) -> PastFailure | None:
        """The earlier failure to show beside this one: with its signature, else so near that it says the same."""
        repeats = await self._failures.alike(failure.repository, failure.signature, _LATEST)
        if (past := seen_before(repeats, failure, distance=0.0)) is not None:
            return past
        near = await self._vectors.nearest(failure.repository, vector, _NEIGHBOURS)
        distance = {key: 1.0 - similarity for key, similarity in near}
        found = await self._failures.find(failure.repository, [*distance])
        other = nearest([(distance[each.key], each) for each in found], failure)
        if other is None:
            return None
        repeats = await self._failures.alike(failure.repository, other.signature, _LATEST)
        return seen_before(repeats, failure, distance=distance[other.key])

    async def remember(self, failure: RememberedFailure, vector: Vector) -> None:
        """Stores it, and knows it from now on: the same twice changes nothing."""
        await self._failures.remember(failure, vector.tobytes())
        self._vectors.add(failure.repository, [(failure.key, vector)])
