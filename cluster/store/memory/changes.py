"""Past changes and what was learned from them, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from cluster.store.changes import MOST_CHANGES, MOST_MISSES, MOST_TEXTS
from cluster.store.memory.state import State
from models.history import Audit, Miss, PastChange, Profile
from models.ids import RunId


class MemoryChanges:
    """See `models.ports.Changes`."""

    def __init__(self, state: State, most: int = MOST_CHANGES, most_texts: int = MOST_TEXTS) -> None:
        self._state = state
        self._most = most
        self._most_texts = most_texts

    async def remember(self, change: PastChange, text: str | None = None) -> None:
        """Stores it under its run; of too many, the oldest go."""
        await self._state.turn()
        self._state.changes[change.repository][change.run] = change.model_dump_json()
        texts = self._state.change_texts[change.repository]
        if text is not None:
            texts[change.run] = text
        newest = [each.run for each in self._newest(change.repository)]
        for run in newest[self._most :]:
            for held in (self._state.changes, self._state.change_texts):
                held[change.repository].pop(run, None)
            self._state.change_vectors[change.repository].pop(run, None)
        for run in [run for run in newest if run in texts][self._most_texts :]:
            del texts[run]

    async def waiting(self, repository: str) -> dict[RunId, str]:
        """The texts that have no vector yet."""
        await self._state.turn()
        return dict(self._state.change_texts[repository])

    async def embedded(self, repository: str, vectors: Mapping[RunId, bytes]) -> None:
        """Stores vectors; their texts go."""
        await self._state.turn()
        self._state.change_vectors[repository].update(vectors)
        for run in vectors:
            self._state.change_texts[repository].pop(run, None)

    async def vectors(self, repository: str) -> AsyncIterator[list[tuple[RunId, bytes]]]:
        """All vectors, in one page."""
        await self._state.turn()
        yield [*self._state.change_vectors[repository].items()]

    async def find(self, repository: str, runs: Sequence[RunId]) -> list[PastChange]:
        """Those that are known, in that order."""
        await self._state.turn()
        known = self._state.changes[repository]
        return [PastChange.model_validate_json(known[run]) for run in runs if run in known]

    async def latest(self, repository: str, limit: int, *, failed: bool = False) -> list[PastChange]:
        """The newest, newest first."""
        await self._state.turn()
        return [change for change in self._newest(repository) if change.failed or not failed][:limit]

    def _newest(self, repository: str) -> list[PastChange]:
        known = [PastChange.model_validate_json(json) for json in self._state.changes[repository].values()]
        return sorted(known, key=lambda change: (change.at, change.run), reverse=True)


class MemoryLessons:
    """See `models.ports.Lessons`."""

    def __init__(self, state: State, most_misses: int = MOST_MISSES) -> None:
        self._state = state
        self._most_misses = most_misses

    async def note_miss(self, miss: Miss) -> None:
        """Stores it under its key; of too many, the oldest go."""
        self._state.misses[miss.key] = miss.model_dump_json()
        for old in (await self.misses())[: -self._most_misses]:
            del self._state.misses[old.key]

    async def misses(self, repository: str = "") -> list[Miss]:
        """All of them, or those of one repository; oldest first."""
        await self._state.turn()
        found = [Miss.model_validate_json(json) for json in self._state.misses.values()]
        return sorted((m for m in found if repository in {"", m.repository}), key=lambda miss: (miss.at, miss.key))

    async def note_audit(self, audit: Audit) -> None:
        """Stores it under its run."""
        await self._state.turn()
        self._state.audits[audit.run] = audit.model_dump_json()

    async def audits(self, repository: str = "") -> list[Audit]:
        """All of them, or those of one repository; oldest first."""
        await self._state.turn()
        found = [Audit.model_validate_json(json) for json in self._state.audits.values()]
        return sorted((a for a in found if repository in {"", a.repository}), key=lambda audit: (audit.at, audit.run))

    async def keep_profile(self, profile: Profile) -> None:
        """Stores it under its repository."""
        await self._state.turn()
        self._state.profiles[profile.repository] = profile.model_dump_json()

    async def profiles(self) -> list[Profile]:
        """Those of all repositories, by name."""
        await self._state.turn()
        return [Profile.model_validate_json(json) for _, json in sorted(self._state.profiles.items())]
