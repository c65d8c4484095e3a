"""What earlier changes say about this one. They only ever add: a test or a job that they do not name is not left out.

Pure. A neighbour is a plain input, so that a plan can be made again from what is stored with it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from models.history import LateFailure, Neighbour
from models.ids import JobId
from models.machines import JobState
from models.plan import Reason, SelectedTest
from models.printable import code
from models.record import Record

RULE: Final = "history"
# Of pairs of changes as near as this, two thirds or more touch a common file (three projects, 500 changes each).
MIN_SIMILARITY: Final = 0.7
MOST_NEIGHBOURS: Final = 10
MOST_ADDED: Final = 50
_MOST_REASONS: Final = 3
_MOST_FOLDERS: Final = 200
_FAR: Final = 99


class Advice(Record):
    """What to run beside what was chosen, and why: tests by job and path, and whole jobs."""

    tests: dict[JobId, dict[str, tuple[Reason, ...]]]
    jobs: dict[JobId, tuple[Reason, ...]]


def advise(neighbours: Sequence[Neighbour], tests: Mapping[JobId, Collection[str]]) -> Advice:
    """Adds what failed for near changes, the nearest first, at most MOST_ADDED tests.

    `tests` names every job there is, each with all of its tests: none for one that Delta cannot choose tests from.
    """
    added: defaultdict[JobId, dict[str, list[Reason]]] = defaultdict(dict)
    jobs: defaultdict[JobId, list[Reason]] = defaultdict(list)
    near = sorted(neighbours, key=lambda each: (-each.similarity, each.change.run))
    room = MOST_ADDED
    for neighbour in [each for each in near if each.similarity >= MIN_SIMILARITY][:MOST_NEIGHBOURS]:
        for job in neighbour.change.jobs:
            if job.state is not JobState.FAILED or job.id not in tests:
                continue
            jobs[job.id].append(_reason(neighbour, f"the job {code(job.id)} failed"))
            for test in job.failed_tests:
                if test not in tests[job.id] or (test not in added[job.id] and room <= 0):
                    continue
                room -= test not in added[job.id]
                added[job.id].setdefault(test, []).append(_reason(neighbour, f"{code(test)} failed"))
    return Advice(
        tests={
            job: {test: tuple(why[:_MOST_REASONS]) for test, why in found.items()}
            for job, found in added.items()
            if found
        },
        jobs={job: tuple(why[:_MOST_REASONS]) for job, why in jobs.items()},
    )


def _reason(neighbour: Neighbour, what: str) -> Reason:
    change = neighbour.change
    evidence = f"{what} in run {change.run} for a change like this one, similarity {neighbour.similarity:.2f}"
    return Reason(rule=RULE, evidence=evidence, score=round(neighbour.similarity, 2))


def order(
    selected: Iterable[SelectedTest],
    changed: Sequence[str],
    neighbours: Sequence[Neighbour] = (),
    late: Sequence[LateFailure] = (),
    distance: Mapping[str, int] | None = None,
) -> tuple[SelectedTest, ...]:
    """The likeliest failures first: what failed lately, what failed for near changes, what lies near to the change.

    `late` is latest first; `distance` is how many steps the change is away, where that is known. What is equal in all
    of that is in the order of its path, so the answer is always the same.
    """
    latest: dict[str, int] = {}
    for at, failure in enumerate(late):
        latest.setdefault(failure.test, at)
    times = Counter(failure.test for failure in late)
    near: dict[str, float] = {}
    for neighbour in neighbours:
        for test in [test for job in neighbour.change.jobs for test in job.failed_tests]:
            near[test] = max(near.get(test, 0.0), neighbour.similarity)
    places = _Places(changed)

    steps = distance or {}

    def key(test: SelectedTest) -> tuple[int, int, float, int, int, str]:
        path = test.path
        lately = (-times[path], latest.get(path, len(late)))
        return (*lately, -near.get(path, 0.0), steps.get(path, _FAR), places.distance(path), path)

    return tuple(sorted(selected, key=key))


class _Places:
    """Where a change is, and how far from it a path lies."""

    def __init__(self, changed: Sequence[str]) -> None:
        paths = [PurePosixPath(path) for path in changed]
        self._paths = frozenset(changed)
        self._stems = frozenset(path.stem for path in paths)
        self._folders = sorted({path.parent.parts for path in paths})[:_MOST_FOLDERS]

    def distance(self, path: str) -> int:
        """0 is changed itself, 1 is named after what was changed; else the steps from folder to folder, and 2."""
        pure = PurePosixPath(path)
        if path in self._paths:
            return 0
        if pure.stem.removeprefix("test_").removesuffix("_test") in self._stems:
            return 1
        return 2 + min((_steps(pure.parent.parts, folder) for folder in self._folders), default=_FAR)


def _steps(one: Sequence[str], other: Sequence[str]) -> int:
    common = 0
    for mine, its in zip(one, other, strict=False):
        if mine != its:
            break
        common += 1
    return len(one) + len(other) - 2 * common
