"""Which caches a job has, pure: a key is a digest of all that decides what is in one, files of the tree among it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from actors.planner.glob import compile_glob, match
from actors.planner.schema import CacheConfig
from models.job import CacheSpec


def cache_specs(
    caches: Sequence[CacheConfig], image: str, blobs: Mapping[str, str], values: Mapping[str, str] = {}
) -> tuple[tuple[CacheSpec, ...], tuple[str, ...]]:
    """The caches of a job on this image; and, for a person, what is odd about them.

    `blobs` are the ids of the contents of all files of the tree, by path: whoever changes a file changes the key.
    `values` are those of the job's combination, where it is of a matrix: what one keeps may be of no use to another.
    """
    found, notes = [], []
    for cache in caches:
        globs = tuple(compile_glob(pattern) for pattern in cache.key)
        files = {path: blob for path, blob in sorted(blobs.items()) if match(globs, path) is not None}
        if not files:
            notes.append(f"the cache of {_listed(cache.paths)} has a key that no file matches, so it is not used")
            continue
        content = json.dumps([image, sorted(cache.paths), files, *([dict(sorted(values.items()))] if values else [])])
        key = hashlib.sha256(content.encode()).hexdigest()
        found.append(CacheSpec(key=key, paths=cache.paths, label=f"{_listed(cache.paths)} by {_listed([*files])}"))
    return tuple(found), tuple(notes)


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more
