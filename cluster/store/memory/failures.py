"""Remembered failures in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cluster.store.failures import MOST_FAILURES, MOST_PASSED
from cluster.store.memory.state import State
from models.failure import RememberedFailure, Repeats
from models.ids import AttemptId, JobId


class MemoryFailures:
    """See `models.ports.Failures`."""

    def __init__(self, state: State, most: int = MOST_FAILURES) -> None:
        self._state = state
        self._most = most

    async def remember(self, failure: RememberedFailure, vector: bytes | None = None) -> None:
        """Stores it under its key, in place of an earlier version; of too many, the oldest go."""
        await self._state.turn()
        self._state.failures[failure.repository][failure.key] = failure.model_dump_json()
        if vector is not None:
            self._state.failure_vectors[failure.repository][failure.key] = vector
        many = len(self._state.failures[failure.repository]) > self._most
        for old in self._newest(failure.repository)[self._most :] if many else ():
            del self._state.failures[failure.repository][old.key]
            self._state.failure_vectors[failure.repository].pop(old.key, None)

    async def find(self, repository: str, keys: Sequence[str]) -> list[RememberedFailure]:
        """Those that are known, in that order."""
        await self._state.turn()
        known = self._state.failures[repository]
        return [RememberedFailure.model_validate_json(known[key]) for key in keys if key in known]

    async def alike(self, repository: str, signature: str, limit: int) -> Repeats:
        """Those with this signature."""
        await self._state.turn()
        found = [failure for failure in self._newest(repository) if failure.signature == signature]
        return Repeats(times=len(found), since=found[-1].at, latest=tuple(found[:limit])) if found else Repeats()

    async def unfixed(self, repository: str, line: str, job: JobId) -> list[RememberedFailure]:
        """Those of a job on one line of work that nothing is known to have fixed, oldest first."""
        await self._state.turn()
        place = (line, job, None)
        return [each for each in self._newest(repository) if (each.line, each.job, each.fixed_by) == place][::-1]

    async def vectors(self, repository: str) -> AsyncIterator[list[tuple[str, bytes]]]:
        """All vectors, in one page."""
        await self._state.turn()
        yield [*self._state.failure_vectors[repository].items()]

    async def note_passed(self, repository: str, job: JobId, attempt: AttemptId) -> None:
        """Puts the attempt first."""
        await self._state.turn()
        before = [each for each in self._state.passed[repository, job] if each != attempt]
        self._state.passed[repository, job] = [attempt, *before][:MOST_PASSED]

    async def passed(self, repository: str, job: JobId) -> list[AttemptId]:
        """The attempts that passed lastly, newest first."""
        await self._state.turn()
        return [*self._state.passed[repository, job]]

    def _newest(self, repository: str) -> list[RememberedFailure]:
        known = map(RememberedFailure.model_validate_json, self._state.failures[repository].values())
        return sorted(known, key=lambda failure: (failure.at, failure.key), reverse=True)
