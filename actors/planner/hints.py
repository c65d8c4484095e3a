"""What the past adds to the jobs and tests of a plan, and in which order these run. Pure; it takes nothing away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from actors.planner.health import widen
from actors.planner.neighbours import advise, order
from models.history import Recollection
from models.ids import JobId
from models.plan import ChangedFile, Reason, TestSelection


class Hint(NamedTuple):
    """Of one job: why it should run, and which of its tests, each with why."""

    job: tuple[Reason, ...] = ()
    tests: Mapping[str, tuple[Reason, ...]] = {}


class Hints:
    """What a recollection says to one change."""

    def __init__(self, history: Recollection, changed: Sequence[ChangedFile]) -> None:
        self._history = history
        self._changed = [path for file in changed for path in (file.path, file.old_path) if path is not None]

    def of(self, job: JobId, tests: Sequence[str]) -> Hint:
        """Of a job with these tests; empty: Delta cannot choose from them."""
        if not self._history.neighbours and not self._history.misses:
            return Hint()
        known = {job: frozenset(tests)}
        missed = widen(self._history.misses, self._changed, known)
        near = advise(self._history.neighbours, known)
        added = dict(missed.tests.get(job, {}))
        for test, why in near.tests.get(job, {}).items():
            added[test] = (*added.get(test, ()), *why)
        return Hint((*missed.jobs.get(job, ()), *near.jobs.get(job, ())), added)

    def ordered(self, selection: TestSelection, distance: Mapping[str, int]) -> TestSelection:
        """The same tests, likeliest failures first. `distance` is how many steps the change is away from each."""
        history = self._history
        tests = order(selection.selected, self._changed, history.neighbours, history.late, distance)
        return selection.having(selected=tests)
