"""The planner's past: what it says to a plan (`recall`), and what is added to it when a run has ended (`learn`).

The embedding model is the analyzer's: one copy for the installation, and half a gigabyte (see docs/adr/0014). It is
asked only where something has failed before in the same repository: where nothing has, no neighbour could add anything.
Until then, what a change was about waits in the store as text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from actors.planner.describe import Described
from actors.planner.health import Observation, fixed, observe_sample, observe_whole
from actors.planner.learn import late_failures, past_change, past_jobs, profile, worth_remembering
from actors.planner.neighbours import MIN_SIMILARITY, MOST_NEIGHBOURS
from actors.planner.profile import features, similar
from actors.planner.sampling import audit_of
from cluster.store.store import Store
from models.change import Change, Trust
from models.errors import InfrastructureError
from models.history import Neighbour, PastChange, Recollection, SimilarRepository
from models.ids import RunId
from models.machines import JobState
from models.run import Run

if TYPE_CHECKING:
    from actors.vectors import Vectors
    from models.embedding.index import Vector

log = logging.getLogger(__name__)

# A plan does not wait for the model to load, which takes seconds: it goes without neighbours and says so.
PATIENCE_S: Final = 2.0
_LATE_RUNS: Final = 20
_LOOKED_BACK: Final = 200
_LOOKED_AT: Final = 4 * MOST_NEIGHBOURS  # the nearest may be a fork's, or this very change
_BATCH: Final = 32
_PATHS_IN_RECEIPT: Final = 20


class Encoding(Protocol):
    """Whoever has the model."""

    async def encode(self, texts: Sequence[str]) -> Vector:
        """One unit vector each, as rows. Raises `InfrastructureError`."""
        ...


class History:
    """One for all repositories. Nothing is kept here that the store does not have."""

    def __init__(self, store: Store, encoding: Encoding) -> None:
        self._store = store
        self._encoding = encoding
        self._asked: set[asyncio.Task[list[Neighbour]]] = set()

    async def run(self, run: RunId) -> Run:
        """A run's record. Raises `NotFound`."""
        return await self._store.runs.load(run)

    @cached_property
    def _vectors(self) -> Vectors:
        from actors.vectors import Vectors  # numpy: not where nothing has failed yet

        return Vectors(self._store.changes.vectors)

    async def recall(self, change: Change, describe: Callable[[], Described]) -> Recollection:
        """What the past says to a change. A store that does not answer is a note, as a model that does not is.

        `describe` is called, in a thread, where neighbours are looked for; what it raises otherwise passes through.
        """
        try:
            failed = await self._failed(change)
            misses = await self._store.lessons.misses(change.repository)
        except InfrastructureError as error:
            return Recollection(notes=(f"the history could not be asked: {error}",))
        neighbours, notes = await self._within_patience(change, describe) if failed else ([], ())
        return Recollection(
            neighbours=tuple(neighbours),
            late=late_failures(failed),
            misses=tuple(miss for miss in misses if miss.open),
            notes=notes,
        )

    async def similar(self, repository: str, files: Sequence[str]) -> tuple[SimilarRepository, ...]:
        """Repositories that look like one with these files, of which nothing says what to run."""
        try:
            return similar(repository, features(files), await self._store.lessons.profiles())
        except InfrastructureError as error:
            log.warning("similar repositories of %s were not looked for: %s", repository, error)
            return ()

    async def learn(self, run: Run, files: Sequence[str], described: Described) -> Change | None:
        """Remembers a run that has ended; the change of the audit that is to follow, where there is one.

        Doing it again changes nothing, or, where the run ended anew, replaces what was known.
        """
        if not run.over or run.plan is None or not worth_remembering(run):
            return None
        past = past_change(run, run.plan, files, described.symbols)
        before = await self._before(past)
        if past.default_branch and _explained(run):
            await self._note(observe_whole(past, run.plan, before))
        for miss in fixed(await self._store.lessons.misses(past.repository), run.plan, run.id, past.at):
            await self._store.lessons.note_miss(miss)
        if works := profile(run, files):
            await self._store.lessons.keep_profile(works)
        await self._store.changes.remember(past, described.text)
        if await self._store.changes.latest(past.repository, 1, failed=True):
            await self._embed_waiting(past.repository)
        return audit_of(run.change, run.plan)

    async def learn_audit(self, audit: Run, audited: Run, files: Sequence[str]) -> None:
        """Adds what an audit found to what is known of the run that it looked at."""
        known = await self._store.changes.find(audited.change.repository, [audited.id])
        if not audit.over or audit.plan is None or audited.plan is None or not known or not _explained(audit):
            return
        past, jobs = known[0], past_jobs(audit, audit.plan, files)
        at = audit.finished_at or audit.begun_at
        observed = observe_sample(past, audited.plan, jobs, at, await self._before(past))
        await self._note(observed)
        missed = {(miss.job, miss.test) for miss in observed.misses}
        if missed:
            await self._store.changes.remember(past.with_failures(missed))

    async def _failed(self, change: Change) -> list[PastChange]:
        """The latest changes in which something failed, of those that this one may learn from."""
        found = await self._store.changes.latest(change.repository, _LATE_RUNS, failed=True)
        return [past for past in found if _tells(past, change)]

    async def _before(self, past: PastChange) -> PastChange | None:
        """The default branch's last run before this one."""
        latest = await self._store.changes.latest(past.repository, _LOOKED_BACK)
        earlier = (each for each in latest if each.default_branch and each.run != past.run and each.at < past.at)
        return next(earlier, None)

    async def _note(self, observed: Observation) -> None:
        if observed.audit is not None:
            await self._store.lessons.note_audit(observed.audit)
        known = {miss.key for miss in await self._store.lessons.misses()} if observed.misses else set()
        for miss in observed.misses:
            if miss.key not in known:  # or it would be open again
                await self._store.lessons.note_miss(miss)

    async def _within_patience(
        self, change: Change, describe: Callable[[], Described]
    ) -> tuple[list[Neighbour], tuple[str, ...]]:
        asked = asyncio.create_task(self._neighbours(change, describe))
        self._asked.add(asked)
        asked.add_done_callback(self._answered)
        done, _ = await asyncio.wait({asked}, timeout=PATIENCE_S)
        if not done:
            return [], ("past changes like this one were not looked for: the embedding model is still being loaded",)
        try:
            return asked.result(), ()
        except InfrastructureError as error:
            return [], (f"past changes like this one were not looked for: {error}",)

    def _answered(self, asked: asyncio.Task[list[Neighbour]]) -> None:
        """Also of those that nobody waits for any more."""
        self._asked.discard(asked)
        if not asked.cancelled() and (error := asked.exception()) is not None:
            log.warning("past changes were not looked for: %s", error)

    async def _neighbours(self, change: Change, describe: Callable[[], Described]) -> list[Neighbour]:
        described = await asyncio.to_thread(describe)
        await self._embed_waiting(change.repository)
        vector: Vector = (await self._encoding.encode([described.text]))[0]
        near = await self._vectors.nearest(change.repository, vector, _LOOKED_AT)
        similarity = {RunId(run): round(value, 4) for run, value in near if value >= MIN_SIMILARITY}
        found = await self._store.changes.find(change.repository, [*similarity])
        return [
            Neighbour(change=past.brief(_PATHS_IN_RECEIPT), similarity=similarity[past.run])
            for past in found
            if _tells(past, change)
        ][:MOST_NEIGHBOURS]

    async def _embed_waiting(self, repository: str) -> None:
        """What could not be embedded stays where it is, for the next time."""
        waiting = [*(await self._store.changes.waiting(repository)).items()]
        for first in range(0, len(waiting), _BATCH):
            batch = waiting[first : first + _BATCH]
            try:
                vectors = await self._encoding.encode([text for _, text in batch])
            except InfrastructureError as error:
                log.warning("%d changes of %s are not embedded yet: %s", len(waiting) - first, repository, error)
                return
            learned: dict[RunId, Vector] = {run: vector for (run, _), vector in zip(batch, vectors, strict=True)}
            await self._store.changes.embedded(repository, {run: vector.tobytes() for run, vector in learned.items()})
            self._vectors.add(repository, learned.items())


def _explained(run: Run) -> bool:
    """Whether it is known of every failure which tests it was. What explains one says so to the planner again."""
    return all(job.explanation is not None for job in run.jobs if job.state is JobState.FAILED)


def _tells(past: PastChange, change: Change) -> bool:
    """What somebody from outside made fail adds nothing to the plans of the repository's own people."""
    return past.run != change.run_id() and (not past.fork or change.trust is Trust.FORK)
