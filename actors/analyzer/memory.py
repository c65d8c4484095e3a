"""What the analyzer remembers: past failures with their vectors. One writer; rebuilt from the store at each start."""

from __future__ import annotations

from actors.analyzer.similar import nearest
from models.embedding.index import Vector, VectorIndex
from models.failure import PastFailure, RememberedFailure
from models.ids import CommitId, JobId, RunId


class Memory:
    """Failures and the index over their vectors."""

    def __init__(self) -> None:
        self._index = VectorIndex()
        self._failures: dict[str, RememberedFailure] = {}
        self._unfixed: dict[tuple[str, str, JobId], set[str]] = {}

    def remember(self, failure: RememberedFailure, vector: Vector) -> None:
        """Adds a failure, or takes a newer version of it: the same twice changes nothing."""
        self._index.add(failure.key, vector)
        self._failures[failure.key] = failure
        unfixed = self._unfixed.setdefault((failure.repository, failure.line, failure.job), set())
        if failure.fixed_by is None:
            unfixed.add(failure.key)
        else:
            unfixed.discard(failure.key)

    def nearest(self, repository: str, vector: Vector, *, run: RunId, signature: str) -> PastFailure | None:
        """The failure to show beside this one; None when nothing is near enough."""
        return nearest(vector, self._index, self._failures, repository=repository, excluding=run, signature=signature)

    def fixed(self, repository: str, line: str, job: JobId, by: CommitId) -> list[RememberedFailure]:
        """The job passes at `by`: what failed on the same line of work at another commit is fixed. Returns those.

        A failure at the same commit that passes now was not fixed by it: it was a flake, or somebody else's fault.
        """
        unfixed = self._unfixed.get((repository, line, job), set())
        healed = [failure.having(fixed_by=by) for key in sorted(unfixed) if (failure := self._failures[key]).head != by]
        for failure in healed:
            self._failures[failure.key] = failure
            unfixed.discard(failure.key)
        return healed
