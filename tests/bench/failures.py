"""How long a failure takes to be recognised among many of its repository: by its signature, and by what it is like; and
the first time after a restart, when their vectors are read from the store."""

from __future__ import annotations

import asyncio
import time

from models.embedding import one_thread

one_thread()  # as the actors do, before anything imports numpy

import numpy as np  # noqa: E402 - see above

from actors.analyzer.past import Past  # noqa: E402
from cluster.store.store import RedisStore  # noqa: E402
from models.embedding.encoder import DIMENSIONS  # noqa: E402
from models.embedding.index import Vector  # noqa: E402
from models.failure import Category, RememberedFailure  # noqa: E402
from models.ids import CommitId, JobId, RunId  # noqa: E402
from tests.bench.figures import show, spread  # noqa: E402
from tests.integration.store.embedded_redis import empty_store, started_redis  # noqa: E402

FAILURES = 100_000
QUERIES = 200
SIGNATURES = 5_000


def main() -> None:
    """Measures and prints."""
    asyncio.run(_measured())


async def _measured() -> None:
    rng = np.random.default_rng(0)
    with started_redis() as server:
        async with empty_store(server) as store:
            began = time.perf_counter()
            for first in range(0, FAILURES, 100):
                await asyncio.gather(
                    *(_remembered(store, number, _vector(rng)) for number in range(first, first + 100))
                )
            stored_ms = (time.perf_counter() - began) * 1000 / FAILURES
            past = Past(store.failures)
            began = time.perf_counter()
            await past.like(_failure(FAILURES, "never seen"), _vector(rng))
            show("failures_read_after_restart_s", failures=FAILURES, measured=round(time.perf_counter() - began, 2))
            for kind in ("seen", "never seen"):
                spent = [await _asked(past, number, kind, _vector(rng)) for number in range(QUERIES)]
                show("failures_query_ms", failures=FAILURES, signature=kind, **spread(spent))
            show("failures_remember_ms", failures=FAILURES, measured=round(stored_ms, 2), note="100 at once")


async def _asked(past: Past, number: int, kind: str, vector: Vector) -> float:
    failure = _failure(FAILURES + number, f"{kind} {number}")
    began = time.perf_counter()
    found = await past.like(failure, vector)
    spent = (time.perf_counter() - began) * 1000
    assert (found is not None) == (kind == "seen")
    return spent


async def _remembered(store: RedisStore, number: int, vector: Vector) -> None:
    failure = _failure(number, f"seen {number % SIGNATURES}")
    await store.failures.remember(failure, vector.tobytes())


def _vector(rng: np.random.Generator) -> Vector:
    return rng.standard_normal(DIMENSIONS).astype(np.float32)


def _failure(number: int, signature: str) -> RememberedFailure:
    return RememberedFailure(
        repository="ada/kitchen",
        line=f"#{number % 1_000}",
        run=RunId(f"r{number:016x}"),
        job=JobId("test"),
        at=float(number),
        head=CommitId(f"{number:040x}"),
        number=number % 1_000,
        category=Category.TEST,
        signature=signature,
    )


if __name__ == "__main__":
    main()
