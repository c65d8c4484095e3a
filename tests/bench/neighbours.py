"""How long the nearest of many past changes take to be found, and how much memory they need; how long it takes to read
all of them from the store after a restart."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from models.embedding import one_thread

one_thread()  # as the planner's actor does, before anything imports numpy

import numpy as np  # noqa: E402 - see above

from actors.vectors import Vectors  # noqa: E402
from models.embedding.encoder import DIMENSIONS  # noqa: E402
from models.embedding.index import VectorIndex  # noqa: E402
from models.ids import RunId  # noqa: E402
from tests.bench.figures import show, spread  # noqa: E402
from tests.integration.store.embedded_redis import empty_store, started_redis  # noqa: E402

SIZES = (1_000, 10_000, 100_000)
QUERIES = 200
NEIGHBOURS = 32


def main() -> None:
    """Measures and prints."""
    for size in SIZES:
        _query(size)
    asyncio.run(_rebuild())


def _query(size: int) -> None:
    rng = np.random.default_rng(size)
    rows = rng.standard_normal((size, DIMENSIONS)).astype(np.float32)
    before = _resident_mb()
    index = VectorIndex(DIMENSIONS)
    index.add_many([f"r{number:016x}" for number in range(size)], rows)
    memory = _resident_mb() - before
    spent = []
    for query in rng.standard_normal((QUERIES, DIMENSIONS)).astype(np.float32):
        began = time.perf_counter()
        index.nearest(query, NEIGHBOURS)
        spent.append((time.perf_counter() - began) * 1000)
    show("neighbours_query_ms", changes=size, **spread(spent), memory_mb=round(memory))


async def _rebuild() -> None:
    """Reads them as the planner does when it is first asked about a repository after a restart."""
    rng = np.random.default_rng(0)
    with started_redis() as server:
        async with empty_store(server) as store:
            for first in range(0, SIZES[-1], 1_000):
                rows = rng.standard_normal((1_000, DIMENSIONS)).astype(np.float32)
                page = {RunId(f"r{first + number:016x}"): row.tobytes() for number, row in enumerate(rows)}
                await store.changes.embedded("ada/kitchen", page)
            before = _resident_mb()
            began = time.perf_counter()
            vectors = Vectors(store.changes.vectors)
            query = rng.standard_normal(DIMENSIONS).astype(np.float32)
            first_answer = await vectors.nearest("ada/kitchen", query, NEIGHBOURS)
            spent = time.perf_counter() - began
    assert first_answer
    show("neighbours_rebuilt_s", changes=SIZES[-1], measured=round(spent, 2), memory_mb=round(_resident_mb() - before))


def _resident_mb() -> float:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / 1e6


if __name__ == "__main__":
    main()
