"""What attempts told of their tests, and the quarantine, in memory."""

from __future__ import annotations

from cluster.store.memory.state import State
from cluster.store.suites import MOST_ATTEMPTS, MOST_SUITES
from models.flaky import Quarantined, SuiteAttempt
from models.ids import JobId


class MemorySuites:
    """See `models.ports.Suites`."""

    def __init__(self, state: State, most: int = MOST_ATTEMPTS, most_suites: int = MOST_SUITES) -> None:
        self._state = state
        self._most = most
        self._most_suites = most_suites

    async def tell(self, repository: str, job: JobId, attempt: SuiteAttempt) -> None:
        """Stores it under its id; of too many, the oldest go."""
        await self._state.turn()
        suites = self._state.suites
        suites.setdefault((repository, job), {})[attempt.id] = attempt.model_dump_json()
        for old in self._sorted(repository, job)[: -self._most]:
            del suites[repository, job][old.id]
        newest = {place: self._sorted(*place)[-1].at for place in suites}
        for place in sorted(newest, key=lambda place: (newest[place], place))[: -self._most_suites]:
            del suites[place]

    async def attempts(self, repository: str, job: JobId) -> list[SuiteAttempt]:
        """Those of one job, oldest first."""
        await self._state.turn()
        return self._sorted(repository, job)

    async def known(self, repository: str = "") -> list[tuple[str, JobId]]:
        """Repositories and jobs that something is known of."""
        await self._state.turn()
        return sorted(place for place in self._state.suites if repository in {"", place[0]})

    def _sorted(self, repository: str, job: JobId) -> list[SuiteAttempt]:
        held = self._state.suites.get((repository, job), {}).values()
        attempts = [SuiteAttempt.model_validate_json(json) for json in held]
        return sorted(attempts, key=lambda attempt: (attempt.at, attempt.id))


class MemoryQuarantine:
    """See `models.ports.Quarantine`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def put(self, entry: Quarantined) -> bool:
        """Stores it, in place of an earlier one."""
        await self._state.turn()
        field = (entry.repository, entry.test, entry.job)
        there = field in self._state.quarantine
        self._state.quarantine[field] = entry.model_dump_json()
        return not there

    async def remove(self, repository: str, job: str, test: str) -> bool:
        """Removes it."""
        await self._state.turn()
        return self._state.quarantine.pop((repository, test, job), None) is not None

    async def entries(self, repository: str = "") -> list[Quarantined]:
        """All of them, or those of one repository."""
        await self._state.turn()
        held = sorted(self._state.quarantine.items())
        return [Quarantined.model_validate_json(json) for (of, _, _), json in held if repository in {"", of}]
