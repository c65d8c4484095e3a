"""A log as it grows: chunks as they come, until the attempt is over and everything it wrote has been read."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cluster.store.store import Store
from models.ids import AttemptId, JobId, RunId
from models.logs import LogChunk, LogSource
from models.run import Attempt, Job, Run

# How long one blocking read waits before it is looked whether the attempt is over: the end shows at most this late.
LOOK_MS = 1000

START = "0"


def choose(job: Job, number: int | None) -> Attempt | None:
    """The attempt of that number, by default the last; None when there is none (yet)."""
    if number is None:
        return job.attempts[-1] if job.attempts else None
    return next((attempt for attempt in job.attempts if attempt.number == number), None)


def is_planned(run: Run) -> bool:
    """Whether it is known which jobs the run has."""
    return run.plan is not None or run.over


async def whole(store: Store, attempt: AttemptId) -> AsyncIterator[str]:
    """The text there is now, in pieces, so that a long log is never in memory at once."""
    after = START
    while found := await store.logs.read(attempt, after=after):
        yield "".join(chunk.text for _, chunk in found)
        after = found[-1][0]


async def numbered(store: Store, attempt: AttemptId, first: int, last: int) -> AsyncIterator[str]:
    """Some lines of what the job printed, with their numbers: counted from 1, as explanations count them."""
    number, begun, after = 1, "", START
    while number <= last and (found := await store.logs.read(attempt, after=after)):
        pieces = "".join(chunk.text for _, chunk in found if chunk.source is LogSource.JOB).split("\n")
        pieces[0], begun = begun + pieces[0], ""
        *ended, begun = pieces
        shown = [f"{at:>7}  {line}\n" for at, line in enumerate(ended, number) if first <= at <= last]
        yield "".join(shown)
        number += len(ended)
        after = found[-1][0]
    if begun and first <= number <= last:
        yield f"{number:>7}  {begun}\n"


async def follow(
    store: Store, run: RunId, job: JobId, number: int | None, after: str = START
) -> AsyncIterator[tuple[str, LogChunk] | None]:
    """Chunks with their ids, from the one after `after` on; None for each `LOOK_MS` in which none came.

    Waits for the attempt where the run has no plan yet or the job is still blocked. Ends when the attempt is over, or
    the job is and never had it, or the plan has no such job.
    """
    while True:
        record = await store.runs.load(run)
        found_job = next((each for each in record.jobs if each.id == job), None)
        attempt = choose(found_job, number) if found_job else None
        if attempt is not None:
            break
        if found_job.over if found_job else is_planned(record):
            return
        # From the end of what was told so far: whatever becomes of the job will be told there.
        told = await store.runs.events(run, after="$", block_ms=LOOK_MS)
        if not told:
            yield None
    over = False
    while True:
        # Asked before the read: what was written until the attempt ended is then surely in it.
        over = over or attempt.over
        found = await store.logs.read(attempt.id, after=after, block_ms=None if over else LOOK_MS)
        for entry, chunk in found:
            yield entry, chunk
            after = entry
        if not found:
            if over:
                return
            yield None
            attempt = choose((await store.runs.load(run)).job(job), attempt.number) or attempt
