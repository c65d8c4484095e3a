"""Whose cache is whose, pure: what a run may read and write, what is believed of a result, and what must go.

A cache lies under a repository, a scope and a key. The key is made by the planner from the content of files; the scope
here, from the change as the API understood it. Nothing that a sandbox or a runner says has a part in either.

| the run | writes | reads, the first that has the key |
|---|---|---|
| a push to the default branch | `main` | `main` |
| a push to another branch, or its pull request in the same repository | `branch:NAME` | its own, then `main` |
| a fork's pull request | `fork:#NUMBER` | its own, then `main` |
| named by a person (`delta run`, `POST /v1/runs`) | `main` of what persons named | the same |

So whatever code may write to `main` is in the default branch already, and one fork's pull request cannot reach another.
Runs that a person names are apart from a forge's, also of the same repository: whoever may start them may run what they
like there, secrets included, whichever branch it is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from models.change import Change, Forge, Trust
from models.ids import BlobId, RunId, is_blob
from models.job import CacheSpec, JobSpec
from models.record import Record
from models.result import AttemptResult, Outcome, SavedCache

MAIN = "main"

_FORK = "fork:"


class CacheAccess(Record):
    """What one run may do. `reads` is in the order in which it is looked."""

    repository: str
    writes: str
    reads: tuple[str, ...]


class CachePlace(Record):
    """Where a cache lies."""

    repository: str
    scope: str
    key: str


class CacheEntry(Record):
    """One cache: where it lies, the SHA-256 and size of its tar stream, and which run saved it, at which Unix time."""

    place: CachePlace
    blob: BlobId
    size_bytes: int
    run: RunId
    saved_at: float


class UsedCache(Record):
    """An entry, and when it was saved or last given to a run, in Unix time."""

    entry: CacheEntry
    used_at: float


class CacheHit(Record):
    """A cache that a runner may restore."""

    key: str
    scope: str
    blob: BlobId
    size_bytes: int


class Bounds(Record):
    """How much is kept, all repositories together, and for how long after its last use."""

    total_bytes: int
    unused_s: float


def access(change: Change) -> CacheAccess:
    """What a run of this change may read and write."""
    repository = f"{change.forge}:{change.repository}"
    if change.trust is not Trust.TRUSTED:
        # The number is the forge's own. Without one nothing is shared with anybody, not even with the next commit.
        own = f"{_FORK}{f'#{change.number}' if change.number is not None else change.run_id()}"
    elif change.forge is Forge.LOCAL or change.on_default_branch:
        return CacheAccess(repository=repository, writes=MAIN, reads=(MAIN,))
    else:
        own = f"branch:{change.head_ref}"
    return CacheAccess(repository=repository, writes=own, reads=(own, MAIN))


def places(specs: Iterable[CacheSpec], allowed: CacheAccess) -> tuple[CachePlace, ...]:
    """Every place to look at for these caches."""
    keys = dict.fromkeys(spec.key for spec in specs)
    return tuple(
        CachePlace(repository=allowed.repository, scope=scope, key=key) for key in keys for scope in allowed.reads
    )


def hits(
    specs: Iterable[CacheSpec], allowed: CacheAccess, found: Mapping[CachePlace, CacheEntry]
) -> tuple[CacheHit, ...]:
    """For each cache that lies at one of its places, the first that does."""
    chosen: dict[str, CacheHit] = {}
    for place in places(specs, allowed):
        entry = found.get(place)
        if entry is not None and place.key not in chosen:
            chosen[place.key] = CacheHit(key=place.key, scope=place.scope, blob=entry.blob, size_bytes=entry.size_bytes)
    return tuple(chosen.values())


def believable(spec: JobSpec, result: AttemptResult) -> tuple[SavedCache, ...]:
    """Of what a result claims to have saved: caches that the job has, each once, well-formed, of a job that passed."""
    if result.outcome is not Outcome.PASSED:
        return ()
    wanted = {cache.key for cache in spec.caches}
    kept: dict[str, SavedCache] = {}
    for saved in result.saved:
        if saved.key in wanted and saved.key not in kept and is_blob(saved.blob) and saved.size_bytes > 0:
            kept[saved.key] = saved
    return tuple(kept.values())


def entries(change: Change, run: RunId, saved: Iterable[SavedCache], at: float) -> tuple[CacheEntry, ...]:
    """The entries for what a run has saved, all in the one scope that it may write."""
    allowed = access(change)
    return tuple(
        CacheEntry(
            place=CachePlace(repository=allowed.repository, scope=allowed.writes, key=cache.key),
            blob=cache.blob,
            size_bytes=cache.size_bytes,
            run=run,
            saved_at=at,
        )
        for cache in saved
    )


def of_fork(place: CachePlace) -> bool:
    """Whether a fork wrote what lies there."""
    return place.scope.startswith(_FORK)


def surplus(kept: Sequence[UsedCache], bounds: Bounds, now: float) -> tuple[CacheEntry, ...]:
    """What must go: what nobody has used for too long, then the least recently used until the rest fits.

    All of forks before any other: whoever opens pull requests must not crowd out what the repository itself uses. A
    blob that several entries share counts once, with the entry of them that stays longest.
    """
    gone: list[CacheEntry] = []
    counted: set[BlobId] = set()
    total = 0
    for used in sorted(kept, key=lambda used: (not of_fork(used.entry.place), used.used_at), reverse=True):
        size = 0 if used.entry.blob in counted else used.entry.size_bytes
        if now - used.used_at > bounds.unused_s or total + size > bounds.total_bytes:
            gone.append(used.entry)
            continue
        counted.add(used.entry.blob)
        total += size
    return tuple(gone)
